import { X509Certificate } from 'node:crypto';

/** Reads the certificates of a PEM file. Throws if there is none, or one that cannot be read. */
export function readPemCertificates(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error('it has no certificate');
  return blocks.map((block) => new X509Certificate(block));
}
