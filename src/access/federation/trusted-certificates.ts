import { type KeyObject, X509Certificate, createHash } from 'node:crypto';
import { readPemCertificates } from '../../platform/pem.ts';

/** Certificates that vouch for a token server's keys: the `rootcertbundle` of registry:2. */
export interface TrustedCertificates {
  /** Returns the key of one of the certificates by its key id of Docker's libtrust. */
  byKid(kid: string): KeyObject | undefined;
  /** Returns the key of a token's certificate (`x5c`, RFC 7515) if a trusted one issued it. `now` in milliseconds since 1970. */
  byChain(x5c: readonly string[], now: number): KeyObject | undefined;
}

/** Reads PEM certificates. Throws if there is none. */
export function readCertificates(pem: string): TrustedCertificates {
  const trusted = readPemCertificates(pem);
  const named = new Map(trusted.map(({ publicKey }) => [libtrustId(publicKey), publicKey]));

  const isTrusted = (certificate: X509Certificate) =>
    trusted.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256);
  const issuedByTrusted = (certificate: X509Certificate) => trusted.some((issuer) => issued(issuer, certificate));

  return {
    byKid: (kid) => named.get(kid),
    byChain(x5c, now) {
      const chain = readChain(x5c);
      const [leaf] = chain;
      if (!leaf || !chain.every((certificate) => isValid(certificate, now))) return undefined;
      for (const [index, certificate] of chain.entries()) {
        if (isTrusted(certificate) || issuedByTrusted(certificate)) return leaf.publicKey;
        const next = chain[index + 1];
        if (!next || !issued(next, certificate)) return undefined;
      }
      return undefined;
    },
  };
}

const maxChainLength = 5;

function readChain(x5c: readonly string[]): readonly X509Certificate[] {
  try {
    return x5c.length <= maxChainLength ? x5c.map((der) => new X509Certificate(Buffer.from(der, 'base64'))) : [];
  } catch {
    return [];
  }
}

function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isValid({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validFromDate.getTime() <= now && now < validToDate.getTime();
}

/** Returns libtrust's key id: 240 bits of the key's SHA-256 in twelve groups of base32. */
export function libtrustId(key: KeyObject): string {
  const bits = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 30);
  const text = [...bits].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const letters = (text.match(/.{5}/g) ?? []).map((group) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(group, 2)]);
  return (letters.join('').match(/.{4}/g) ?? []).join(':');
}
