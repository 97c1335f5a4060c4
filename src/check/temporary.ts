import { type Point, warning } from './point.ts';

export const TEMPORARY = 'temporary place';

/** systemd.exec(5), PrivateTmp=: those of which each such service has its own. */
export const TEMPORARY_FOLDERS = ['/tmp', '/var/tmp'];

/** What does not last below these folders: they are emptied, and a service with PrivateTmp=yes has others. Pure. */
export function judgePlaces(
  places: Readonly<Record<string, string | undefined>>,
  folders: readonly string[] = TEMPORARY_FOLDERS,
): Point[] {
  const found = Object.entries(places).filter(([, path]) =>
    folders.some((folder) => path?.startsWith(`${folder}/`) === true),
  );
  if (found.length === 0) return [];
  const [named, keys] = [found.map(([key, path = '']) => `${key} (${path})`), found.map(([key]) => key)];
  return [
    warning(
      TEMPORARY,
      `services with PrivateTmp=yes, as ours, have a /tmp of their own, and it is emptied; there: ${named.join(', ')}`,
      `move them, such as below /var/lib or /etc, and change in the configuration: ${keys.join(', ')}`,
    ),
  ];
}
