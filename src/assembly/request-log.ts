import type { RequestRecord } from '../http/server/request-record.ts';
import { UpstreamError, isOutage, reasonOf } from '../mirror/upstream/upstream-error.ts';
import type { Log } from '../observability/log.ts';
import { OciError } from '../oci/errors.ts';

/** Load balancers ask for these every second. */
const probes = new Set(['/healthz', '/readyz']);

/**
 * Writes one line for a request, at `debug` for health probes that succeed. The level says where the cause lies: `info` at the client, `warn` at an upstream, `error`
 * here. Only what berth did not expect has a stack.
 */
export function logRequest(log: Pick<Log, 'debug' | 'info' | 'warn' | 'error'>, { error, ...record }: RequestRecord): void {
  if (error === undefined && probes.has(record.url) && record.status < 400) return log.debug(record, 'request');
  if (error === undefined) return log.info(record, 'request');
  const isExpected = error instanceof UpstreamError || (error instanceof OciError && error.code !== 'INTERNAL');
  if (!isExpected) return log.error({ ...record, err: error }, 'request failed');
  const fields = { ...record, code: error.code, reason: reasonOf(error) };
  if (isCausedByUpstream(error)) log.warn(fields, 'request failed at the upstream');
  else if (error instanceof OciError && error.status < 500) log.info(fields, 'request refused');
  else log.error(fields, 'request failed');
}

/** A wrong name is the client's mistake, whoever says so. */
function isCausedByUpstream(error: UpstreamError | OciError): boolean {
  const cause = error instanceof UpstreamError ? error : error.cause;
  return cause instanceof UpstreamError && isOutage(cause);
}
