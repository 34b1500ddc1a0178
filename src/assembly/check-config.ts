import { X509Certificate, createPrivateKey } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isLoopback } from '../../config/check.ts';
import { InvalidValue } from '../../config/invalid-value.ts';
import { ConfigError } from '../../config/config-error.ts';
import { whereSet } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { readTrustedCertificates } from './federation-settings.ts';
import { readImmutableTags } from './maintenance/deletion-settings.ts';
import { readBackupSchedule } from './backups.ts';
import { readAllowPush } from './open-mode.ts';
import { readPinnedImages } from './pinned-images.ts';
import { redirectWarning } from './redirect-warning.ts';
import { readRetentionRules } from './maintenance/retention.ts';
import { readSignatureRules } from './images/signatures.ts';
import { readQuotaRules } from './maintenance/quotas.ts';
import { readSync } from './maintenance/sync-settings.ts';
import { readUpstreams } from './registries/upstream-settings.ts';
import { readWebhookTargets } from './webhooks/targets.ts';
import { readWorkloadRules } from './federation-settings.ts';

/**
 * Checks patterns, files and host names, for `berth serve` and `berth config check`. Skips the checks of a configuration that
 * read an invalid value. Resolves to warnings. Rejects `ConfigError` with all errors.
 */
export async function checkConfig(config: Config): Promise<readonly string[]> {
  const errors = await errorsOf(config, ownChecks);
  const passing = await errorsOf(config, [readTrustedCertificates, checkTls, checkListen]);
  if (errors.length + passing.length > 0) throw new ConfigError([...errors, ...passing], undefined, errors.length === 0);
  return [clearTextWarning(config), redirectWarning(config)].filter((warning) => warning !== undefined);
}

type Check = (config: Config) => unknown;

/** The checks that give the same result at every start. */
const ownChecks: readonly Check[] = [
  readWorkloadRules,
  readUpstreams,
  readPinnedImages,
  readAllowPush,
  readImmutableTags,
  readRetentionRules,
  readBackupSchedule,
  readSync,
  readQuotaRules,
  readSignatureRules,
  readWebhookTargets,
];

async function errorsOf(config: Config, checks: readonly Check[]): Promise<readonly string[]> {
  const errors: string[] = [];
  for (const check of checks) {
    try {
      await check(config);
    } catch (error) {
      if (error instanceof InvalidValue) continue;
      if (!(error instanceof ConfigError)) throw error;
      errors.push(...error.errors);
    }
  }
  return errors;
}

function clearTextWarning({ access, listen, publicUrl, tls, trustedProxies }: Config): string | undefined {
  const isEncrypted = tls.certificate !== undefined || publicUrl?.startsWith('https:') === true || trustedProxies.length > 0;
  if (access.mode === 'open' || isEncrypted || isLoopback(listen.host)) return undefined;
  return (
    `access.mode ${access.mode} without TLS: passwords and tokens cross the network in the clear. Set tls.certificate and ` +
    'tls.key, or, behind a proxy that ends TLS, trustedProxies or publicUrl'
  );
}

async function checkTls(config: Config): Promise<void> {
  const { certificate, key, authority } = config.tls;
  const errors: string[] = [];
  if (authority !== undefined) await readPem(config, 'authority', authority, (pem) => new X509Certificate(pem), errors);
  if (certificate !== undefined && key !== undefined) await checkIdentity(config, certificate, key, errors);
  if (errors.length > 0) throw new ConfigError(errors);
}

async function checkIdentity(config: Config, certificate: string, key: string, errors: string[]): Promise<void> {
  const chain = await readPem(config, 'certificate', certificate, (pem) => new X509Certificate(pem), errors);
  const privateKey = await readPem(config, 'key', key, (pem) => createPrivateKey(pem), errors);
  if (chain && privateKey && !chain.checkPrivateKey(privateKey))
    errors.push(`tls.key: ${key} is not the key of the first certificate in ${certificate}${whereSet(config, ['tls', 'key'])}`);
}

/** Undefined, and an error more, for a file that cannot be read or holds something else (a key with a passphrase, too). */
async function readPem<Parsed>(
  config: Config,
  name: 'certificate' | 'key' | 'authority',
  file: string,
  parse: (pem: Buffer) => Parsed,
  errors: string[],
): Promise<Parsed | undefined> {
  let problem = `cannot read ${file}`;
  try {
    const pem = await readFile(file);
    problem = `${file} holds no ${name === 'key' ? 'private key without a passphrase' : 'certificate'} in PEM`;
    return parse(pem);
  } catch (error) {
    errors.push(`tls.${name}: ${problem}: ${(error as Error).message}${whereSet(config, ['tls', name])}`);
    return undefined;
  }
}

async function checkListen(config: Config): Promise<void> {
  const { host } = config.listen;
  try {
    await lookup(host);
  } catch (error) {
    throw new ConfigError([
      `listen: the name ${host} does not resolve to an address of this machine: ${(error as Error).message}; ` +
        `write 127.0.0.1 for this machine alone, 0.0.0.0 for all addresses${whereSet(config, ['listen'])}`,
    ]);
  }
}
