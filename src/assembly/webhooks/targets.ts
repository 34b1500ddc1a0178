import { readFile } from 'node:fs/promises';
import { InvalidValue } from '../../../config/invalid-value.ts';
import { ConfigError } from '../../../config/config-error.ts';
import { whereSet } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import { type Pattern, parsePattern } from '../../oci/patterns/repository-pattern.ts';
import { type Category, type RepositoryChoice, type Target, distributionCategories } from '../../webhooks/target.ts';

type Written = Config['webhooks']['targets'][string];

/** Records an error about a key of the target. */
type Report = (key: keyof Written, message: string) => void;

/** Reads `webhooks.targets`. Rejects with `ConfigError` for all errors, also for files that cannot be read. */
export async function readWebhookTargets(config: Pick<Config, 'webhooks'>): Promise<readonly Target[]> {
  const errors: string[] = [];
  const targets: Target[] = [];
  for (const [name, written] of Object.entries(config.webhooks.targets)) {
    const report: Report = (key, message) => {
      const where = whereSet(config, ['webhooks', 'targets', name, key]) || whereSet(config, ['webhooks', 'targets', name]);
      errors.push(`webhooks.targets.${name}.${key} ${message}${where}`);
    };
    try {
      targets.push(await readTarget(name, written, config.webhooks.pulls, report));
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
    }
  }
  if (errors.length > 0) throw new ConfigError(errors);
  return targets;
}

async function readTarget(name: string, written: Written, pulls: Config['webhooks']['pulls'], report: Report): Promise<Target> {
  const { format, events, secret, secretFile, timeout, privateAddress, bodySignature } = written;
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name))
    report('url', 'is of a target whose name is not lower-case letters, digits, ".", "_" and "-"');
  checkEvents(events, format, pulls, report);
  if (secret !== undefined && secretFile !== undefined) report('secretFile', 'and secret exclude each other');
  if (bodySignature && secret === undefined && secretFile === undefined) report('bodySignature', 'needs secret or secretFile');
  if (timeout < 0.1 || timeout > 60) report('timeout', 'must be from 100ms to 60s');
  return {
    name,
    format,
    events: new Set<Category>(events),
    timeoutSeconds: timeout,
    url: readUrl(written.url, report),
    repositories: readRepositories(written.repositories, report),
    isSigned: secret !== undefined || secretFile !== undefined,
    secret: await readSecret(secret, secretFile, report),
    signsBody: bodySignature,
    headers: readHeaders(written.headers, report),
    allowsPrivateAddress: privateAddress,
    ca: written.ca === undefined ? undefined : await readOrReport(written.ca, 'ca', report),
  };
}

function checkEvents(events: readonly Category[], format: string, pulls: string, report: Report): void {
  const foreign = format === 'distribution' ? events.filter((event) => !distributionCategories.includes(event)) : [];
  if (foreign.length > 0)
    report('events', `has ${foreign.join(', ')}, which the format distribution cannot express: use cloudevents`);
  if (events.includes('pull') && pulls === 'off') report('events', 'has pull: set webhooks.pulls to sampled or all');
}

function readUrl(text: string, report: Report): URL {
  const url = new URL(text);
  if (url.username !== '' || url.password !== '')
    report('url', 'must hold no login: write headers: ["Authorization: Basic …"] instead');
  return url;
}

function readRepositories(texts: readonly string[], report: Report): RepositoryChoice {
  const included: Pattern[] = [];
  const excluded: Pattern[] = [];
  for (const text of texts) {
    const isExclusion = text.startsWith('!');
    const pattern = parsePattern(isExclusion ? text.slice(1) : text);
    if (pattern) (isExclusion ? excluded : included).push(pattern);
    else report('repositories', `has ${text}, which is not NAME, PREFIX/* or PREFIX/**, or one with ! in front`);
  }
  return { included, excluded };
}

/** Headers that berth sets itself. */
const ownHeaders = /^(?:content-(?:type|length)|host|user-agent|connection|transfer-encoding|webhook-.*|x-signature)$/i;

/** RFC 9110, sections 5.6.2 and 5.5, without characters that are not ASCII. */
const headerName = /^[\w!#$%&'*+.^`|~-]+$/;
const headerValue = /^[\t\x20-\x7e]+$/;

/** Messages name no value: it may be a secret. */
function readHeaders(lines: readonly string[], report: Report): Target['headers'] {
  return lines.flatMap((line, index): [string, string][] => {
    const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/.exec(line) ?? [];
    if (!headerName.test(name) || !headerValue.test(value)) report('headers', `has no NAME: VALUE at position ${index + 1}`);
    else if (ownHeaders.test(name)) report('headers', `has ${name}, which berth sets itself`);
    else return [[name, value]];
    return [];
  });
}

async function readSecret(secret: string | undefined, secretFile: string | undefined, report: Report): Promise<Target['secret']> {
  if (secretFile === undefined) return () => Promise.resolve(secret);
  await readOrReport(secretFile, 'secretFile', report);
  return async () => (await readFile(secretFile, 'utf8')).replace(/\r?\n$/, '');
}

async function readOrReport(file: string, key: keyof Written, report: Report): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    report(key, `cannot read ${file}: ${(error as Error).message}`);
    return undefined;
  }
}
