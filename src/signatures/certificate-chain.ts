import type { X509Certificate } from 'node:crypto';
import type { TrustedCertificates } from './signature.ts';

/** What a certificate is used for (RFC 5280, extended key usage). */
export type CertificateUsage = 'codeSigning' | 'timeStamping';

const usages: Readonly<Record<CertificateUsage, string>> = {
  codeSigning: '1.3.6.1.5.5.7.3.3',
  timeStamping: '1.3.6.1.5.5.7.3.8',
};

const longestChain = 10;

/**
 * Returns the certificates from that of the signature, `leaf`, to a trusted one; undefined if the chain is broken or leads to
 * none. `others`: certificates beside the signature, in any order. Periods of validity are not checked.
 */
export function trustedChain(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  trusted: TrustedCertificates,
  usage: CertificateUsage,
): readonly X509Certificate[] | undefined {
  if (!mayBeUsedFor(leaf, usage)) return undefined;
  const chain = [leaf];
  while (chain.length <= longestChain) {
    const last = chain.at(-1) ?? leaf;
    const anchor = trusted.find((one) => one.raw.equals(last.raw)) ?? trusted.find((one) => hasIssued(one, last));
    if (anchor) return anchor.raw.equals(last.raw) ? chain : [...chain, anchor];
    const issuer = others.find((one) => !chain.includes(one) && hasIssued(one, last));
    if (!issuer) return undefined;
    chain.push(issuer);
  }
  return undefined;
}

/** True if every certificate is valid at `time`, in milliseconds since 1970. */
export function isChainValidAt(chain: readonly X509Certificate[], time: number): boolean {
  return chain.every(({ validFromDate, validToDate }) => validFromDate.getTime() <= time && time < validToDate.getTime());
}

/** Certificates without the extension may sign everything, but a time stamp needs it (RFC 3161 section 2.3). */
function mayBeUsedFor({ keyUsage }: X509Certificate, usage: CertificateUsage): boolean {
  const allowed = keyUsage as readonly string[] | undefined;
  return allowed ? allowed.includes(usages[usage]) : usage === 'codeSigning';
}

function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
