import type { ImapdLine } from '../config/imapd-conf.ts';

/** Where an option of imapd.conf is to be changed or added. */
export interface ImapdPlaces {
  /** `/etc/imapd.conf:12` where the option stands, else `in /etc/imapd.conf`. */
  placeOf: (name: string) => string;
}

/** The places in that file and those it includes; Cyrus takes the later one of two. Pure. */
export function placesIn(file: string, lines: readonly ImapdLine[]): ImapdPlaces {
  return {
    placeOf: (name) => {
      const found = lines.findLast((line) => line.name === name);
      return found === undefined ? `in ${file}` : `${found.file}:${found.line}`;
    },
  };
}
