import { readFile, stat } from 'node:fs/promises';
import type { Server } from 'node:tls';
import { loadTls } from '../../platform/tls.ts';

/** The PEM files of a TLS identity. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface Identity {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate whose files may be replaced while servers use it, as ACME clients do. */
export interface Certificate {
  /** The content of the files when they were last read. */
  readonly identity: Identity;
  /** Gives new connections of `server` the certificate that `renew` reads. */
  attach(server: Server): void;
  /**
   * Reads the files if they have changed. Resolves to true if the servers now use the new ones. Rejects if the files cannot
   * be read or do not belong together, as in the middle of a renewal: the old ones stay in use, and the next call tries again.
   */
  renew(): Promise<boolean>;
  /** Reads the files, and rejects as `renew` does. The function makes the servers use them; false if they have not changed. */
  prepareRenewal(): Promise<() => boolean>;
}

export async function openCertificate(files: CertificateFiles): Promise<Certificate> {
  const servers: Server[] = [];
  let seen = await stateOf(files);
  let identity = await read(files);

  async function prepareRenewal(): Promise<() => boolean> {
    const state = await stateOf(files);
    if (state === seen) return () => false;
    const next = await read(files);
    loadTls().createSecureContext(next);
    return () => {
      for (const server of servers) server.setSecureContext(next);
      identity = next;
      seen = state;
      return true;
    };
  }

  return {
    get identity() {
      return identity;
    },
    attach: (server) => void servers.push(server),
    prepareRenewal,
    renew: async () => (await prepareRenewal())(),
  };
}

async function read({ certificate, key }: CertificateFiles): Promise<Identity> {
  return { cert: await readFile(certificate), key: await readFile(key) };
}

/** Returns a text that changes whenever a file is written or replaced, also behind a symbolic link. */
async function stateOf({ certificate, key }: CertificateFiles): Promise<string> {
  const stats = await Promise.all([stat(certificate, { bigint: true }), stat(key, { bigint: true })]);
  return stats.map(({ ino, size, mtimeNs }) => `${ino} ${size} ${mtimeNs}`).join(',');
}
