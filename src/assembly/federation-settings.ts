import { readFileSync } from 'node:fs';
import { ConfigError } from '../../config/config-error.ts';
import { whereSet } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { parseGrant } from '../access/permissions/grants.ts';
import { type TrustedCertificates, readCertificates } from '../access/federation/trusted-certificates.ts';
import { type WorkloadRule, parseClaimCondition } from '../access/federation/workload-rule.ts';

/** Reads `access.identities`. Throws `ConfigError` with all invalid grants and claims. */
export function readWorkloadRules(config: Config): readonly WorkloadRule[] {
  const errors: string[] = [];
  const rules = Object.entries(config.access.identities).map(([name, { issuer, jwksUrl, audience, claims, grants }]) => {
    const key = `access.identities.${name}`;
    const where = (field: string) => whereSet(config, ['access', 'identities', name, field]);
    if (claims.length === 0)
      errors.push(`${key}.claims is empty: every job of every customer of the provider would be let in${where('claims')}`);
    return {
      name,
      issuer,
      jwksUrl,
      audience,
      claims: each(claims, parseClaimCondition, errors, `${key}.claims`, `NAME=VALUE${where('claims')}`),
      grants: each(grants, parseGrant, errors, `${key}.grants`, `PATTERN:ACTIONS${where('grants')}`),
    };
  });
  if (errors.length > 0) throw new ConfigError(errors);
  return rules;
}

function each<Item>(
  texts: readonly string[],
  parse: (text: string) => Item | undefined,
  errors: string[],
  key: string,
  form: string,
): readonly Item[] {
  return texts.flatMap((text) => {
    const item = parse(text);
    if (item === undefined) errors.push(`${key}: ${text} is not ${form}`);
    return item ?? [];
  });
}

/** Reads `access.external.certificates`; undefined where it is not set. Throws `ConfigError` for a file that cannot be used. */
export function readTrustedCertificates(config: Config): TrustedCertificates | undefined {
  const { certificates: file } = config.access.external;
  if (file === undefined) return undefined;
  try {
    return readCertificates(readFileSync(file, 'utf8'));
  } catch (error) {
    const where = whereSet(config, ['access', 'external', 'certificates']);
    throw new ConfigError([`access.external.certificates: ${file} cannot be read: ${(error as Error).message}${where}`]);
  }
}
