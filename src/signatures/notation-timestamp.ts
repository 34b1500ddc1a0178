import { X509Certificate, createHash, verify } from 'node:crypto';
import { ASN1Obj } from '@sigstore/core';
import { isChainValidAt, trustedChain } from './certificate-chain.ts';
import { maxCertificates } from './notation-envelope.ts';
import type { TrustedCertificates } from './signature.ts';

/** When a signature existed: it was made before `latest`. Milliseconds since 1970. */
export interface ProvenTime {
  readonly earliest: number;
  readonly latest: number;
}

/** Bytes of a time stamp; one with 10 certificates has some 15,000. */
const maxTokenBytes = 65_536;

/** Object identifiers of RFC 5652 and RFC 3161. */
const signedDataType = '1.2.840.113549.1.7.2';
const timestampType = '1.2.840.113549.1.9.16.1.4';
const contentTypeAttribute = '1.2.840.113549.1.9.3';
const digestAttribute = '1.2.840.113549.1.9.4';

/** Of digests, and of signatures that name theirs. `rsaEncryption` and others use the digest of the signer. */
const hashes: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};
const rsaEncryption = '1.2.840.113549.1.1.1';

/**
 * Returns the time that a time stamp by RFC 3161 (a TimeStampToken, DER) proves for `content`; undefined if it does not: it is
 * about other content, or not by one of `trusted` or an authority that one of them has certified.
 */
export function provenTime(token: Buffer, content: Buffer, trusted: TrustedCertificates): ProvenTime | undefined {
  try {
    const { info, certificates, signer } = readToken(token);
    const imprint = partOf(info, 2);
    if (!digestOf(partOf(imprint, 0), content).equals(partOf(imprint, 1).value)) return undefined;
    const candidates = [...certificates, ...trusted];
    const authority = candidates.find((one) => mayBeSigner(signer, one) && isSignedBy(signer, info, one));
    const chain = authority && trustedChain(authority, candidates, trusted, 'timeStamping');
    if (!chain) return undefined;
    const time = parseGeneralizedTime(partOf(info, 4).value.toString('latin1'));
    const accuracy = accuracyOf(info.subs[5]);
    const period = { earliest: Math.floor(time - accuracy), latest: Math.ceil(time + accuracy) };
    return isChainValidAt(chain, period.earliest) && isChainValidAt(chain, period.latest) ? period : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Parses a GeneralizedTime in UTC with seconds and any number of digits of a fraction, as DER has them: without zeros at the end.
 * Returns milliseconds since 1970, with a fraction. Throws for other texts.
 */
export function parseGeneralizedTime(text: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d+)?Z$/.exec(text);
  const [, year, month, day, hours, minutes, seconds, fraction = '0'] = parts ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`) + Number(fraction) * 1000;
  if (Number.isNaN(time)) throw new Error(`not a time in UTC: ${text}`);
  return time;
}

interface Token {
  /** TSTInfo. */
  readonly info: ASN1Obj;
  readonly certificates: readonly X509Certificate[];
  /** SignerInfo. */
  readonly signer: ASN1Obj;
}

function readToken(der: Buffer): Token {
  if (der.length > maxTokenBytes) throw new Error('a time stamp that is too large');
  const root = ASN1Obj.parseBuffer(Buffer.from(der));
  if (partOf(root, 0).toOID() !== signedDataType) throw new Error('not signed data');
  const { subs } = partOf(partOf(root, 1), 0);
  const [, , content, ...rest] = subs;
  const signers = rest.at(-1);
  if (!content || signers?.subs.length !== 1 || partOf(content, 0).toOID() !== timestampType)
    throw new Error('not a time stamp with one signature');
  const list = rest.find(({ tag }) => tag.isContextSpecific(0))?.subs ?? [];
  if (list.length > maxCertificates) throw new Error('a time stamp with too many certificates');
  return {
    info: partOf(partOf(partOf(content, 1), 0), 0),
    certificates: list.map((one) => new X509Certificate(one.toDER())),
    signer: partOf(signers, 0),
  };
}

/** False if the signature names the serial number of another certificate. It may name the identifier of a key instead. */
function mayBeSigner(signer: ASN1Obj, { serialNumber }: X509Certificate): boolean {
  const id = partOf(signer, 1);
  const withoutZeros = (number: string) => number.toLowerCase().replace(/^0+/, '');
  return id.tag.isContextSpecific() || withoutZeros(partOf(id, 1).value.toString('hex')) === withoutZeros(serialNumber);
}

/** Checks the signature and its attributes (RFC 5652 section 5.4). */
function isSignedBy(signer: ASN1Obj, info: ASN1Obj, { publicKey }: X509Certificate): boolean {
  const [, , digestAlgorithm, attributes, signatureAlgorithm, signature] = signer.subs;
  if (!digestAlgorithm || !attributes || !signatureAlgorithm || !signature || !attributes.tag.isContextSpecific(0)) return false;
  const valueOf = (type: string) => {
    const attribute = attributes.subs.find((one) => partOf(one, 0).toOID() === type);
    return attribute && partOf(partOf(attribute, 1), 0);
  };
  if (valueOf(contentTypeAttribute)?.toOID() !== timestampType) return false;
  if (valueOf(digestAttribute)?.value.equals(digestOf(digestAlgorithm, info.toDER())) !== true) return false;
  const type = partOf(signatureAlgorithm, 0).toOID();
  const hash = type === rsaEncryption ? hashOf(digestAlgorithm) : hashes[type];
  if (hash === undefined || !['rsa', 'ec'].includes(publicKey.asymmetricKeyType ?? '')) return false;
  // Signed is the set of attributes, with the tag of a set.
  const signed = attributes.toDER();
  signed[0] = 0x31;
  return verify(hash, signed, publicKey, signature.value);
}

function digestOf(algorithm: ASN1Obj, content: Buffer): Buffer {
  return createHash(hashOf(algorithm)).update(content).digest();
}

function hashOf(algorithm: ASN1Obj): string {
  const hash = hashes[partOf(algorithm, 0).toOID()];
  if (hash === undefined) throw new Error('an unknown digest');
  return hash;
}

/** In milliseconds, rounded up; 0 if the time stamp names none. */
function accuracyOf(accuracy: ASN1Obj | undefined): number {
  if (!accuracy || !accuracy.tag.constructed || !accuracy.tag.isUniversal()) return 0;
  const numberOf = (find: (part: ASN1Obj) => boolean) => {
    const value = accuracy.subs.find(find)?.value;
    return value ? Number(`0x${value.toString('hex')}`) : 0;
  };
  const seconds = numberOf(({ tag }) => tag.isInteger());
  const milliseconds = numberOf(({ tag }) => tag.isContextSpecific(0));
  const microseconds = numberOf(({ tag }) => tag.isContextSpecific(1));
  return seconds * 1000 + milliseconds + Math.ceil(microseconds / 1000);
}

function partOf(object: ASN1Obj, index: number): ASN1Obj {
  const part = object.subs[index];
  if (!part) throw new Error('a time stamp without one of its parts');
  return part;
}
