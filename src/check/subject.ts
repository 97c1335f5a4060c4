import type { Point } from './point.ts';

/** What the points are about, in the order in which they are looked at. */
export type Subject =
  | 'Configuration'
  | 'Credentials'
  | 'Cyrus'
  | 'Dovecot'
  | 'Database and spool'
  | 'Apple'
  | 'Other push services'
  | 'Devices and pushes';

/** Hears of the points while the check goes on. */
export interface Listener {
  /** That subject is looked at now, which may take a while. */
  begin(subject: Subject): void;
  /** All that is to be said of it. */
  end(points: readonly Point[]): void;
}

/** Keeps all points, and passes those of each subject on as soon as they are known. */
export class Sections {
  readonly points: Point[] = [];
  readonly #listener: Listener | undefined;

  constructor(listener: Listener | undefined) {
    this.#listener = listener;
  }

  async add(subject: Subject, look: () => readonly Point[] | Promise<readonly Point[]>): Promise<void> {
    this.#listener?.begin(subject);
    const points = await look();
    this.points.push(...points);
    this.#listener?.end(points);
  }
}
