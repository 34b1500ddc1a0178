import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import type { Certificate } from '../server/certificate.ts';

/** A certificate that clients have to trust before they trust this server. */
export interface Authority {
  readonly pem: string;
  /** Its subject: `CN=Example registry CA`. */
  readonly name: string;
  /** SHA-256, to be compared before it is trusted. */
  readonly fingerprint: string;
}

/** Finds the private authority of this server; undefined where clients trust it already, or the chain does not hold it. */
export type FindAuthority = () => Promise<Authority | undefined>;

export interface AuthorityOptions {
  /** tls.authority: a PEM file, also where a proxy ends TLS. Undefined: the last certificate of the chain, if it is a root. */
  readonly file: string | undefined;
  readonly certificate: Pick<Certificate, 'identity'> | undefined;
}

/** Reads at each call, since certificates are renewed while the server runs. Rejects errors of the file system. */
export function createFindAuthority({ file, certificate }: AuthorityOptions): FindAuthority {
  return async () => {
    if (file !== undefined) return describe(new X509Certificate(await readFile(file)));
    const last = certificate && certificatesOf(certificate.identity.cert).at(-1);
    return last?.checkIssued(last) && !isTrustedByClients(last) ? describe(last) : undefined;
  };
}

let trustedFingerprints: ReadonlySet<string> | undefined;

/** Roots that systems trust have a known fingerprint: their PEM texts differ in the length of lines. */
function isTrustedByClients({ fingerprint256 }: X509Certificate): boolean {
  // Parsed once: there are more than a hundred, and every client may ask.
  trustedFingerprints ??= new Set(rootCertificates.map((pem) => new X509Certificate(pem).fingerprint256));
  return trustedFingerprints.has(fingerprint256);
}

function certificatesOf(pem: Buffer): readonly X509Certificate[] {
  const blocks = pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function describe(certificate: X509Certificate): Authority {
  const { subject, fingerprint256 } = certificate;
  return { pem: certificate.toString(), name: subject.replaceAll('\n', ', '), fingerprint: fingerprint256 };
}
