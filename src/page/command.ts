import type { Config } from '../config/config.ts';
import type { PageAnswer } from '../doors/http-page.ts';
import type { Clock } from '../process/clock.ts';
import { safeJson } from '../process/safe-json.ts';
import { gather } from './gather.ts';
import { pageOf } from './page.ts';
import { HEADERS } from './style.ts';

/** The page with the events of that user, or of all where it is '', as the process prints it that makes it. */
export async function pageCommand(config: Config, clock: Clock, user: string): Promise<string> {
  const answer: PageAnswer = { headers: { ...HEADERS }, body: pageOf(await gather(config, clock, user)) };
  return safeJson(answer);
}
