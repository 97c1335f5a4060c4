import { type Config, configuredDoors } from '../config/config.ts';
import { poke } from '../delivery/poke.ts';
import { ring } from '../delivery/ring.ts';
import { type Point, ok, warning } from './point.ts';

export const DELIVERER = 'deliverer';

/** Whether somebody delivers now: a `serve`, which must run where it has a door, or what an event has started. */
export async function checkDeliverer({
  control,
  edition,
  serve,
  postgres,
}: Pick<Config, 'control' | 'edition' | 'serve' | 'postgres'>): Promise<Point> {
  if (await poke(control)) return ok(DELIVERER, `running: it answers on ${control}`);
  if (ring(control, edition) === 'rung')
    return warning(
      DELIVERER,
      `one is there, hears the doorbell and does not answer on ${control}: nothing is sent while it hangs`,
      'see whether the machine is overloaded; else end that process with SIGKILL, and the next event starts another',
    );
  if (postgres !== undefined)
    return ok(DELIVERER, 'none is running, and no event starts one: that is for serve');
  const doors = configuredDoors(serve);
  if (doors.length === 0) return ok(DELIVERER, 'none is running: the next event starts one');
  return warning(
    DELIVERER,
    `none is running, and only xapplepush serve answers on ${doors.join(' and ')}`,
    'start xapplepush serve; without it, remove the keys cyrus_socket, http and dict from the configuration',
  );
}
