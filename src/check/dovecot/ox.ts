import { type Point, ok, problem, warning } from '../point.ts';
import type { Doveconf } from './doveconf-output.ts';
import { isOld, type OxDriver, sectionsOf } from './setup.ts';

export const OX_DRIVER = 'OX driver';

const OPT_IN =
  'doveadm mailbox metadata set -s -u USER "" /private/vendor/vendor.dovecot/http-notify user=USER';

/** Whether deliveries reach `serve.http`; without the dictionary no user can opt in. Pure. */
export function judgeOx(doveconf: Doveconf, { url }: OxDriver, http: string | undefined): Point {
  if (http === undefined)
    return problem(OX_DRIVER, `tells ${url}, and serve.http is not set`, `set serve.http: '${placeOf(url)}'`);
  if (!hasDictionary(doveconf))
    return problem(
      OX_DRIVER,
      'there is no dictionary in which a user could opt in: it tells of nobody',
      isOld(doveconf)
        ? 'mail_attribute_dict = file:%h/dovecot-attributes'
        : 'mail_attribute/dict/file/path = %{home}/dovecot-attributes',
    );
  if (placeOf(url) !== http)
    return warning(
      OX_DRIVER,
      `tells ${url}, and serve.http is ${http}`,
      'unless something between them passes it on, let both name the same address',
    );
  return ok(OX_DRIVER, `tells ${url} of those who opted in, each by: ${OPT_IN}`);
}

function hasDictionary({ root }: Doveconf): boolean {
  const blocks = sectionsOf(root, 'mail_attribute').flatMap((each) => sectionsOf(each, 'dict'));
  return blocks.length > 0 || (root.settings.get('mail_attribute_dict') ?? '') !== '';
}

/** As serve.http is written; the URL itself where it is none. */
function placeOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
