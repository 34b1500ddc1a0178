import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createSingleFlight } from './single-flight.ts';
import { UpstreamError } from './upstream-error.ts';

export interface Credential {
  readonly username: string;
  readonly password: string;
}

/** Where the login at an upstream comes from. */
export interface CredentialSource {
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Read again for each use: others may renew it. */
  readonly passwordFile: string | undefined;
  /**
   * A program that speaks Docker's credential helper protocol: the registry's host on its standard input,
   * `{"Username":…,"Secret":…}` on its standard output.
   */
  readonly command: readonly string[] | undefined;
}

/** Gives the login to use now; undefined: none. */
export type Credentials = () => Promise<Credential | undefined>;

/** Logins of clouds live for an hour or more. */
const commandSeconds = 600;
const commandTimeoutSeconds = 10;

export function createCredentials(source: CredentialSource, host: string, now: () => number): Credentials {
  const { username, password, passwordFile, command } = source;
  const flights = createSingleFlight<Credential>();
  let kept: { readonly credential: Credential; readonly until: number } | undefined;

  async function fromCommand(words: readonly string[]): Promise<Credential> {
    if (kept && kept.until > now()) return kept.credential;
    const credential = await flights.run('', () => runHelper(words, host));
    kept = { credential, until: now() + commandSeconds * 1000 };
    return credential;
  }

  return async () => {
    if (command) return fromCommand(command);
    if (username === undefined) return undefined;
    if (passwordFile === undefined) return { username, password: password ?? '' };
    return { username, password: (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '') };
  };
}

function runHelper([program = '', ...args]: readonly string[], host: string): Promise<Credential> {
  return new Promise((resolve, reject) => {
    // What it prints is secret: nothing of it may go into an error.
    const fail = () => reject(new UpstreamError('failed', `the credential command ${program} gave no login`));
    const child = execFile(program, args, { timeout: commandTimeoutSeconds * 1000 }, (error, stdout) => {
      const credential = error ? undefined : parseHelper(stdout);
      if (credential) resolve(credential);
      else fail();
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(host);
  });
}

function parseHelper(text: string): Credential | undefined {
  try {
    const { Username: username, Secret: password } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
  } catch {
    return undefined;
  }
}
