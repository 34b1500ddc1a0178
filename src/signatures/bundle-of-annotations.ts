import { X509Certificate, createHash } from 'node:crypto';
import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import { fieldsOf } from '../oci/foreign-json.ts';
import type { CosignSignature } from './signature.ts';

/** Converts what cosign before version 3 keeps in annotations. Undefined for signatures with a key. */
export function toBundle({ payload, value, proof }: Extract<CosignSignature, { kind: 'payload' }>): Bundle | undefined {
  if (!proof) return undefined;
  const entry = proof.logEntry === undefined ? undefined : toLogEntry(proof.logEntry);
  const timestamp = proof.timestamp === undefined ? undefined : fieldsOf(JSON.parse(proof.timestamp))['SignedRFC3161Timestamp'];
  return bundleFromJSON({
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    verificationMaterial: {
      x509CertificateChain: { certificates: [{ rawBytes: new X509Certificate(proof.certificate).raw.toString('base64') }] },
      tlogEntries: entry ? [entry] : [],
      timestampVerificationData: { rfc3161Timestamps: timestamp === undefined ? [] : [{ signedTimestamp: timestamp }] },
    },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: createHash('sha256').update(payload).digest('base64') },
      signature: value,
    },
  });
}

/** An entry of Rekor, with its signed promise to be included in the log. */
function toLogEntry(annotation: string): object {
  const { SignedEntryTimestamp, Payload } = fieldsOf(JSON.parse(annotation));
  const { body, integratedTime, logIndex, logID } = fieldsOf(Payload);
  const { kind, apiVersion } = fieldsOf(JSON.parse(Buffer.from(String(body), 'base64').toString()));
  return {
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(String(logID), 'hex').toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
    canonicalizedBody: body,
  };
}
