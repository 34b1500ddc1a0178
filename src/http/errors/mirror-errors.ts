import type { MirrorError } from '../../mirror/mirror-error.ts';
import type { UpstreamErrorCode } from '../../upstream/upstream-error.ts';
import { OciError, type OciErrorCode } from '../../oci/errors.ts';

/** A failed request to the upstream is never a 404. */
const outageCodes = {
  limited: 'TOOMANYREQUESTS',
  busy: 'UNAVAILABLE',
  unavailable: 'UNAVAILABLE',
  unreachable: 'BAD_GATEWAY',
  timeout: 'GATEWAY_TIMEOUT',
  failed: 'BAD_GATEWAY',
  bad_content: 'BAD_GATEWAY',
} as const satisfies Partial<Record<UpstreamErrorCode, OciErrorCode>>;

/** Returns what a client reads of a failure of an upstream. */
export function classifyMirrorError(error: MirrorError): OciError {
  return new OciError(codeOf(error), { message: error.message, retryAfterSeconds: error.retryAfterSeconds });
}

function codeOf({ code, unknownCode, hasFallback }: MirrorError): OciErrorCode {
  if (code === 'not_found') return unknownCode;
  // Some registries refuse every login for a repository that does not exist, so this can be a wrong name.
  if (code === 'login_refused' || code === 'denied') return 'NAME_UNKNOWN';
  // containerd answers a 429 by five immediate retries, and a 503 by a request to the upstream itself.
  if (code === 'limited' && hasFallback) return 'UNAVAILABLE';
  return outageCodes[code];
}
