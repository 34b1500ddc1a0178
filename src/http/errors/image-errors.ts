import type { ImageError, ImageErrorCode } from '../../images/index/image-error.ts';
import { OciError, type OciErrorCode } from '../../oci/errors.ts';

interface Answer {
  readonly code: OciErrorCode;
  readonly status: number;
  readonly retryAfterSeconds?: number;
}

const answers: Readonly<Record<ImageErrorCode, Answer>> = {
  not_found: { code: 'MANIFEST_UNKNOWN', status: 404 },
  unsupported: { code: 'UNSUPPORTED', status: 422 },
  not_ready: { code: 'UNSUPPORTED', status: 409, retryAfterSeconds: 2 },
};

/** Returns what a client reads of contents that cannot be shown. */
export function classifyImageError({ code, message }: ImageError): OciError {
  return new OciError(answers[code].code, { ...answers[code], message });
}
