import { fieldsOf } from '../oci/foreign-json.ts';

/** Media type of an in-toto statement. */
export const statementType = 'application/vnd.in-toto+json';

/** Returns the statement in the DSSE envelope of a Sigstore bundle, and its signatures in Base64; undefined if there is none. */
export function readEnvelope(document: Buffer) {
  const { payload, payloadType, signatures } = fieldsOf(fieldsOf(parseJson(document))['dsseEnvelope']);
  if (typeof payload !== 'string' || payloadType !== statementType || !Array.isArray(signatures)) return undefined;
  const values = signatures.map((one) => fieldsOf(one)['sig']).filter((value) => typeof value === 'string');
  return { statement: Buffer.from(payload, 'base64'), values };
}

/** What DSSE signs (dsse/protocol.md, "PAE"). */
export function preAuthenticationEncoding(type: string, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}

/** Parses JSON; undefined if it cannot be read. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
