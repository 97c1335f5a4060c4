import { shown } from './shown.ts';

/** struct sockaddr_un has 108 bytes for the path with its closing NUL: unix(7), sun_path. */
export const SOCKET_PATH_MAX_BYTES = 107;

/** Why a socket cannot have this path; undefined where it can. */
export function socketPathProblem(path: string): string | undefined {
  const bytes = Buffer.byteLength(path);
  if (bytes <= SOCKET_PATH_MAX_BYTES) return undefined;
  return `${shown(path)} has ${bytes} bytes, and a socket's path ${SOCKET_PATH_MAX_BYTES} at most`;
}
