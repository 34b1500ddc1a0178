import { type Digest, digestAlgorithm, digestOf, parseDigest } from './digest.ts';
import { InvalidManifest, type JsonObject, optionalString, requiredString } from './json-fields.ts';

/** A descriptor (image-spec, descriptor.md), as far as a registry looks into it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** `where` names the descriptor in error messages: `layers[3]`. Throws `InvalidManifest`. */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidManifest(`${where} is not a descriptor`);
  const fields = value as JsonObject;
  const digestText = requiredString(fields, 'digest', where);
  const digest = parseDigest(digestText);
  if (!digest) throw new InvalidManifest(`${where}.digest is not a sha256 or sha512 digest: ${digestText.slice(0, 140)}`);
  const size = fields['size'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw new InvalidManifest(`${where}.size is not a number of bytes`);
  const descriptor = { mediaType: requiredString(fields, 'mediaType', where), digest, sizeBytes: size };
  checkData(optionalString(fields, 'data', where), descriptor, where);
  return descriptor;
}

/** "Implementations … SHOULD verify that the decoded data matches the digest and size" (descriptor.md). */
function checkData(data: string | undefined, { digest, sizeBytes }: Descriptor, where: string): void {
  if (data === undefined) return;
  const bytes = Buffer.from(data, 'base64');
  if (bytes.length !== sizeBytes || digestOf(bytes, digestAlgorithm(digest)) !== digest) {
    throw new InvalidManifest(`${where}.data does not match its digest and size`);
  }
}
