import { AdministrationError } from '../access/accounts/administration-error.ts';
import { AuthenticationError } from '../access/credentials/authentication-error.ts';
import { type ClassifiedError, classify, isCausedByUpstream } from '../http/errors/classify.ts';
import type { RequestRecord } from '../http/server/request-record.ts';
import { UpstreamError, reasonOf } from '../mirror/upstream/upstream-error.ts';
import type { Log } from '../observability/log.ts';

/** Load balancers send these every second. */
const probes = new Set(['/healthz', '/readyz']);

/**
 * Writes one line for a request, at `debug` for health probes that succeed. The level tells where the cause of an error is:
 * `info` at the client, `warn` at an upstream, `error` here. Only defects have a stack.
 */
export function logRequest(log: Pick<Log, 'debug' | 'info' | 'warn' | 'error'>, { error, ...record }: RequestRecord): void {
  if (error === undefined && probes.has(record.url) && record.status < 400) return log.debug(record, 'request');
  if (error === undefined) return log.info(record, 'request');
  const classified = classify(error);
  if (classified.code === 'INTERNAL') return log.error({ ...record, err: error }, 'request failed');
  const code = error instanceof UpstreamError ? error.code : classified.code;
  const fields = { ...record, code, reason: reasonFor(error, classified) };
  if (isCausedByUpstream(error)) log.warn(fields, 'request failed at the upstream');
  else if (classified.isOurs) log.error(fields, 'request failed');
  else log.info(fields, 'request refused');
}

function reasonFor(error: unknown, { message }: ClassifiedError): string {
  // The message can repeat what the client sent, such as a password in the wrong field.
  if (error instanceof AdministrationError) return error.code;
  return error instanceof AuthenticationError ? message : reasonOf(error);
}
