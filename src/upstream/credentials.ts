import { readFile } from 'node:fs/promises';
import { type Credential, type CredentialSource, noLogin } from './credential.ts';
import { createCredentialCommand } from './credential-command.ts';
import type { UpstreamLogin } from './upstream.ts';

/**
 * Gives the login to use now for a repository of the upstream; undefined: none. After the upstream has `refused` one that
 * was given before, another one where its source has a newer one. Rejects with `UpstreamError`.
 */
export type Credentials = (remoteName: string, refused?: Credential) => Promise<Credential | undefined>;

export function createCredentials(logins: readonly UpstreamLogin[], host: string, now: () => number): Credentials {
  const all = logins.map(({ matches, source }) => ({ matches, read: createReader(source, host, now) }));
  return async (remoteName, refused) => all.find(({ matches }) => matches(remoteName))?.read(refused);
}

type Reader = (refused?: Credential) => Promise<Credential | undefined>;

function createReader(source: CredentialSource, host: string, now: () => number): Reader {
  const { key, username, password, passwordFile, command } = source;
  if (command) return createCredentialCommand({ key, command, host, now });
  return async () => {
    if (username === undefined) return undefined;
    return { username, password: passwordFile === undefined ? (password ?? '') : await readPassword(key, passwordFile) };
  };
}

async function readPassword(key: string, file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException;
    throw noLogin(`${key}.passwordFile: reading ${file} gave ${code}: make it a file that berth's user may read`);
  }
}
