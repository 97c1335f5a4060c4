import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address.ts';

/** Where a stranger's URL may lead. */
export interface AddressGuard {
  /** Why it is not called whatever its name means; undefined where its name is to be looked up. */
  problemOf(url: URL): string | undefined;
  /** Looks the name up once: what it gives was checked, and is what is connected to. */
  lookup: LookupFunction;
}

export interface GuardOptions {
  /** All addresses of a name; the system's by default. */
  resolve?: (name: string) => Promise<LookupAddress[]>;
  isAllowed?: (address: string) => boolean;
}

/** What a name leads to that is not public. */
export class ForbiddenAddressError extends Error {
  override name = 'ForbiddenAddressError';
}

/** Allows https to the public network alone. */
export function createAddressGuard({
  resolve = resolveBySystem,
  isAllowed = isPublicAddress,
}: GuardOptions = {}): AddressGuard {
  return {
    problemOf: (url) => problemOf(url, isAllowed),
    lookup: (name, { all }, callback) => {
      resolve(name).then(
        (addresses) => {
          const [first] = addresses;
          const problem = problemOfAnswer(addresses, isAllowed);
          if (problem !== undefined || first === undefined)
            callback(new ForbiddenAddressError(problem ?? 'its name has no address'), '');
          else if (all === true) callback(null, addresses);
          else callback(null, first.address, first.family);
        },
        (error: unknown) => callback(error as NodeJS.ErrnoException, ''),
      );
    },
  };
}

/** Below it are the ports of mail, shells and the like, which no push service has; 443 is that of https. */
const FIRST_FREE_PORT = 1024;

/** Node looks no literal address up, and the URL has each in its one form, whatever form it was given in. */
function problemOf(
  { protocol, hostname, port, username, password }: URL,
  isAllowed: GuardOptions['isAllowed'],
): string | undefined {
  if (protocol !== 'https:') return `expected https, got ${protocol.slice(0, -1)}`;
  if (username !== '' || password !== '') return 'it has a name or password in it';
  if (port !== '' && Number(port) < FIRST_FREE_PORT) return `port ${port} is none of a push service`;
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(literal) !== 0 && isAllowed?.(literal) !== true ? 'its address is not public' : undefined;
}

/** One forbidden address forbids them all: nobody knows which of them is taken. */
function problemOfAnswer(
  addresses: readonly LookupAddress[],
  isAllowed: (address: string) => boolean,
): string | undefined {
  return addresses.every(({ address }) => isAllowed(address))
    ? undefined
    : 'its name leads to an address that is not public';
}

function resolveBySystem(name: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(name, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });
}
