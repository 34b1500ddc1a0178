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

/** One run of the program serves everybody for a while. Rejects with `UpstreamError`. */
export function createCredentialCommand(options: CredentialCommandOptions): () => Promise<Credential> {
  const { now } = options;
  let kept: { readonly credential: Promise<Credential>; until: number } | undefined;

  return () => {
    if (kept && kept.until > now()) return kept.credential;
    const begun = { credential: run(options), until: now() + keepSeconds * 1000 };
    begun.credential.catch(() => (begun.until = now() + keepFailureSeconds * 1000));
    kept = begun;
    return begun.credential;
  };
}

function run({ key, command, host }: CredentialCommandOptions): Promise<Credential> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    // What it prints is secret: nothing of it may go into an error.
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
