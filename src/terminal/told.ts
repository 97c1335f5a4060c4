import type { OutputStream } from '../process/surroundings.ts';
import { fitted } from './columns.ts';
import { columnsIn } from './layout.ts';

type Tell = (text: string) => void;

/** Tells a person at that terminal by lines that fit there. */
export function tellOn(terminal: Pick<OutputStream, 'columns'>, tell: Tell): Tell {
  return (text) => tell(fitted(text, columnsIn(terminal)));
}
