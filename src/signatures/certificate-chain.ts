import { X509Certificate } from 'node:crypto';
import type { TrustedCertificates } from './signature.ts';

const codeSigning = '1.3.6.1.5.5.7.3.3';

/** Returns the certificates from that of the signature to a trusted one; undefined if the chain is broken or leads to none. */
export function trustedChain(
  [leaf, ...issuers]: readonly X509Certificate[],
  trusted: TrustedCertificates,
): readonly X509Certificate[] | undefined {
  // Certificates without the extension may sign everything.
  const usages = leaf?.keyUsage as readonly string[] | undefined;
  if (!leaf || (usages && !usages.includes(codeSigning))) return undefined;
  const chain = [leaf];
  for (const issuer of [...issuers, undefined]) {
    const last = chain.at(-1) ?? leaf;
    const anchor = trusted.find((one) => one.raw.equals(last.raw)) ?? trusted.find((one) => hasIssued(one, last));
    if (anchor) return anchor.raw.equals(last.raw) ? chain : [...chain, anchor];
    if (!issuer || !hasIssued(issuer, last)) return undefined;
    chain.push(issuer);
  }
  return undefined;
}

function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
