import type { Fields } from '../../oci/foreign-json.ts';
import { isFields, textOf } from './fields.ts';

type Unwrapped =
  | { readonly kind: 'value'; readonly value: unknown; readonly format: string }
  | { readonly kind: 'unread'; readonly format: string; readonly reason: string };

/** Takes a document out of a bundle of Sigstore, an envelope (DSSE), a statement (in-toto), or cosign's `Data`. */
export function unwrap(fields: Fields): Unwrapped | undefined {
  if (isFields(fields['dsseEnvelope'])) return { kind: 'value', value: fields['dsseEnvelope'], format: '' };
  if (typeof fields['payload'] === 'string' && typeof fields['payloadType'] === 'string') {
    return parseText(Buffer.from(fields['payload'], 'base64').toString(), '');
  }
  const format = textOf(fields['predicateType']);
  if (format !== '' && isFields(fields['predicate'])) {
    const data = fields['predicate']['Data'];
    // cosign before 2.0 kept an SBOM as text.
    if (typeof data === 'string') return parseText(data, format);
    return { kind: 'value', value: isFields(data) ? data : fields['predicate'], format };
  }
  return undefined;
}

function parseText(text: string, format: string): Unwrapped {
  try {
    return { kind: 'value', value: JSON.parse(text) as unknown, format };
  } catch {
    return { kind: 'unread', format, reason: 'the content of the envelope is not JSON' };
  }
}
