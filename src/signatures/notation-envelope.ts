import { X509Certificate } from 'node:crypto';

/** An envelope of notation in either of its formats. Its claims are not checked yet. */
export interface Envelope {
  /** Names of RFC 7518 section 3.1, such as `PS256`. */
  readonly algorithm: string;
  readonly signedBytes: Buffer;
  readonly signature: Buffer;
  readonly contentType: unknown;
  readonly payload: Buffer;
  /** Attributes that the verifier must understand. */
  readonly critical: readonly unknown[];
  readonly signingScheme: unknown;
  /** Milliseconds since 1970; undefined: the signature does not expire. */
  readonly expiry: number | undefined;
  /** The certificate of the signature. */
  readonly certificate: X509Certificate;
  /** The certificates of its issuers. */
  readonly issuers: readonly X509Certificate[];
  /** A time stamp of the signature by RFC 3161, in DER. */
  readonly timestamp: Buffer | undefined;
}

/** Attributes of notation. */
export const attributes = {
  signingScheme: 'io.cncf.notary.signingScheme',
  expiry: 'io.cncf.notary.expiry',
  timestamp: 'io.cncf.notary.timestampSignature',
} as const;

/** Certificates that are read of an envelope, and of a time stamp. */
export const maxCertificates = 10;

/** Parses certificates in DER, that of the signature first. Throws for others, and if there is none. */
export function parseCertificates(ders: readonly Buffer[]): Pick<Envelope, 'certificate' | 'issuers'> {
  const [certificate, ...issuers] = ders.slice(0, maxCertificates).map((der) => new X509Certificate(der));
  if (!certificate) throw new Error('an envelope without certificates');
  return { certificate, issuers };
}
