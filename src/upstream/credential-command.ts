import { type ExecFileException, execFile } from 'node:child_process';
import { type Credential, noLogin } from './credential.ts';

export interface CredentialCommandOptions {
  /** Where the operator has written the command, without its last part. */
  readonly key: string;
  readonly command: readonly string[];
  readonly host: string;
  readonly now: () => number;
}

/** Logins of clouds live for an hour or more. */
const keepSeconds = 600;
/** A program that fails is not run for each request. */
const keepFailureSeconds = 10;
const timeoutSeconds = 10;

interface Run {
  readonly credential: Promise<Credential>;
  /** Milliseconds since 1970. */
  readonly at: number;
  until: number;
  result?: Credential;
}

/**
 * Gives the login that the program prints: one run serves all requests for a while. A login that the upstream has
 * `refused` is replaced by a new run, at most once in ten seconds. Rejects with `UpstreamError`.
 */
export function createCredentialCommand(options: CredentialCommandOptions): (refused?: Credential) => Promise<Credential> {
  const { now } = options;
  let last: Run | undefined;

  function mustRun(refused: Credential | undefined): boolean {
    if (!last || last.until <= now()) return true;
    return refused !== undefined && last.result === refused && now() - last.at >= keepFailureSeconds * 1000;
  }

  function begin(): Run {
    const begun: Run = { credential: run(options), at: now(), until: now() + keepSeconds * 1000 };
    begun.credential.then(
      (credential) => (begun.result = credential),
      () => (begun.until = now() + keepFailureSeconds * 1000),
    );
    return begun;
  }

  return (refused) => {
    if (!last || mustRun(refused)) last = begin();
    return last.credential;
  };
}

function run({ key, command, host }: CredentialCommandOptions): Promise<Credential> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    // Its output is secret and must not get into an error.
    const child = execFile(program, args, { timeout: timeoutSeconds * 1000 }, (error, stdout) => {
      const credential = error ? undefined : parse(stdout);
      const what = error ? ending(error) : 'printed no {"Username":…,"Secret":…}';
      if (credential) resolve(credential);
      else
        reject(
          noLogin(`${key}.credentialCommand: ${program} ${what}: run it as berth's user with ${host} on its standard input`),
        );
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(host);
  });
}

function ending({ code, killed }: ExecFileException): string {
  if (killed) return `took more than ${timeoutSeconds} seconds`;
  return typeof code === 'number' ? `ended with ${code}` : `could not be run (${String(code)})`;
}

function parse(text: string): Credential | undefined {
  try {
    const { Username: username, Secret: password } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
  } catch {
    return undefined;
  }
}
