import { readFile, stat } from 'node:fs/promises';
import type { Server } from 'node:tls';

/** The files of a TLS identity, PEM. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface Identity {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate that may be replaced while servers use it, as ACME clients do it. */
export interface Certificate {
  /** What the files held when they were last read. */
  readonly identity: Identity;
  /** New connections of `server` get what `renew` finds. */
  attach(server: Server): void;
  /**
   * Looks at the files, and resolves to true when they had changed and the servers use what they hold now. Rejects when
   * they do not fit together (a renewal may be half done) or cannot be read: the old ones stay in use, and the next call
   * tries again.
   */
  renew(): Promise<boolean>;
}

export async function openCertificate(files: CertificateFiles): Promise<Certificate> {
  const servers: Server[] = [];
  let seen = await stateOf(files);
  let identity = await read(files);

  return {
    get identity() {
      return identity;
    },
    attach: (server) => void servers.push(server),
    async renew() {
      const state = await stateOf(files);
      if (state === seen) return false;
      const next = await read(files);
      for (const server of servers) server.setSecureContext(next);
      identity = next;
      seen = state;
      return true;
    },
  };
}

async function read({ certificate, key }: CertificateFiles): Promise<Identity> {
  return { cert: await readFile(certificate), key: await readFile(key) };
}

/** Changes whenever a file is written or replaced, also behind a symbolic link. */
async function stateOf({ certificate, key }: CertificateFiles): Promise<string> {
  const stats = await Promise.all([stat(certificate, { bigint: true }), stat(key, { bigint: true })]);
  return stats.map(({ ino, size, mtimeNs }) => `${ino} ${size} ${mtimeNs}`).join(',');
}
