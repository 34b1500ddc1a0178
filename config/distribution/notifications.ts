import { duration } from './convert.ts';

/** What `notifications.endpoints` becomes. */
export interface ImportedEndpoints {
  /** `webhooks.targets`. */
  readonly targets: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** True if a target wants pulls: registry:2 reports all of them. */
  readonly hasPulls: boolean;
  /** What the operator should know. */
  readonly remark: string;
}

type Endpoint = Readonly<Record<string, unknown>>;

const actions = ['push', 'pull', 'delete', 'mount'] as const;

/** Translates the endpoints; undefined: there is none, or all are disabled. Throws for values that cannot be converted. */
export function importEndpoints(value: unknown): ImportedEndpoints | undefined {
  if (!Array.isArray(value)) throw new Error('is not a list');
  const endpoints = (value as Endpoint[]).filter(({ disabled }) => disabled !== true);
  if (endpoints.length === 0) return undefined;
  const targets = Object.fromEntries(endpoints.map((endpoint, index) => [nameOf(endpoint, index), toTarget(endpoint)]));
  const hasPulls = Object.values(targets).some(({ events }) => events.includes('pull'));
  const remark =
    'berth retries until webhooks.retryFor, keeps the order, and reports manifests, not blobs; threshold, backoff and ' +
    'ignored media types have no counterpart. privateAddress is for receivers in your own network: remove it for others';
  return { targets, hasPulls, remark };
}

function nameOf({ name }: Endpoint, index: number): string {
  const text = typeof name === 'string' ? name.toLowerCase().replace(/[^a-z0-9._-]+/g, '-') : '';
  return /^[a-z0-9]/.test(text) ? text.slice(0, 64) : `endpoint-${index + 1}`;
}

function toTarget({ url, headers, timeout, ignore }: Endpoint) {
  if (typeof url !== 'string') throw new Error('has an endpoint without a url');
  const ignored = ((ignore ?? {}) as { readonly actions?: readonly string[] }).actions ?? [];
  const events = actions.filter((action) => !ignored.includes(action));
  const lines = Object.entries((headers ?? {}) as Readonly<Record<string, string | readonly string[]>>).flatMap(
    ([name, values]) => [values].flat().map((text) => `${name}: ${text}`),
  );
  return {
    url,
    format: 'distribution',
    events,
    privateAddress: true,
    ...(lines.length > 0 ? { headers: lines } : {}),
    ...(timeout === undefined ? {} : { timeout: duration(timeout) }),
  };
}
