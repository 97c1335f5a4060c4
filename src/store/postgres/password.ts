import { readFileSync } from 'node:fs';
import { messageOf } from '../../process/errors.ts';
import { StoreError } from '../errors.ts';
import { libpqEnvironment } from './environment.ts';
import { type Login, passwordFor, readPassFile } from './pass-file.ts';
import { serviceNamed } from './service-file.ts';

/** Where a password stands; the first that is given counts. */
export interface PasswordPlaces {
  /** It holds the password alone. */
  passwordFile?: string | undefined;
  /** Which the service file may say. */
  service?: string | undefined;
  servicefile?: string | undefined;
  /** One of libpq's; undefined: that of the environment. */
  passfile: string | undefined;
}

/**
 * Read anew for each connection, so that it can be changed. Undefined where nobody says one; the server may want none.
 * Throws StoreError for a file that is named and says none.
 */
export function passwordAt(
  { passwordFile, service, servicefile, passfile }: PasswordPlaces,
  login: Login,
): string | undefined {
  if (passwordFile !== undefined) return onlyLineOf(passwordFile);
  const ofService = service === undefined ? undefined : passwordOfService(service, servicefile);
  if (ofService !== undefined) return ofService;
  if (passfile === undefined) return passwordOfEnvironment(login);
  const read = tried(`passfile: ${passfile}`, () => readPassFile(passfile));
  if ('problem' in read) throw withoutPassword(`passfile: ${passfile} ${read.problem}`);
  const found = passwordFor(login, read.text);
  if (found === undefined)
    throw withoutPassword(`passfile: ${passfile} has no line for this host, port, database and user`);
  return found;
}

function onlyLineOf(file: string): string {
  const text = tried(`store_password_file: ${file}`, () => readFileSync(file, 'utf8'));
  const password = text.replace(/\r?\n$/, '');
  if (password === '' || /[\r\n]/.test(password))
    throw withoutPassword(`store_password_file: ${file} does not hold one line with the password`);
  return password;
}

/** An empty one counts as none, as for libpq. */
function passwordOfService(service: string, file: string | undefined): string | undefined {
  const found = tried(`the file of service ${service}`, () => serviceNamed(service, file));
  if ('problem' in found) throw withoutPassword(`store: ${found.problem}`);
  const { password = '' } = found.values;
  return password === '' ? undefined : password;
}

/** As libpq does, what cannot be used is passed over: nobody has named it here. */
function passwordOfEnvironment(login: Login): string | undefined {
  const { password, passFile } = libpqEnvironment();
  if (password !== undefined) return password;
  try {
    const read = readPassFile(passFile);
    return 'problem' in read ? undefined : passwordFor(login, read.text);
  } catch {
    return undefined; // another user's
  }
}

function tried<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw withoutPassword(`${what} cannot be read (${messageOf(error)})`);
  }
}

/** Like a server that lets nobody in: everything waits until the file is right. */
function withoutPassword(message: string): StoreError {
  const hint = 'write it there, for the user that this program runs as; events wait in the spool';
  return new StoreError(message, { hint, cause: undefined });
}
