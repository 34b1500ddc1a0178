import { type KeyObject, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigError } from '../../../config/config-error.ts';
import { whereSet } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import { readPemCertificates } from '../../platform/pem.ts';
import { parsePattern } from '../../oci/patterns/repository-pattern.ts';
import type { IdentityVerifier } from '../../signatures/identities.ts';
import type { SignaturePolicy, SignatureRule } from '../../signatures/policy.ts';
import type { Signer } from '../../signatures/signature.ts';
import type { SignatureVerifierOptions } from '../../signatures/verifier.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';

/** Undefined without rules. Rejects as `readSignatureRules` does. */
export async function openSignaturePolicy(
  config: Config,
  parts: SignatureVerifierOptions & { readonly metadata: MetadataStore },
): Promise<SignaturePolicy | undefined> {
  const rules = await readSignatureRules(config);
  if (rules.length === 0) return undefined;
  const { createSignaturePolicy } = await import('../../signatures/policy.ts');
  const { createSignatureVerifier } = await import('../../signatures/verifier.ts');
  return createSignaturePolicy({ rules, metadata: parts.metadata, verifier: createSignatureVerifier(parts) });
}

/** Reads `signatures`. Rejects `ConfigError` with all patterns, names and files that cannot be used. */
export async function readSignatureRules({ signatures, ...config }: Config): Promise<readonly SignatureRule[]> {
  const isUsed = Object.keys(signatures.signers).length + signatures.rules.length > 0 || signatures.trustedRoot !== undefined;
  if (!isUsed) return [];
  const errors: string[] = [];
  const signers = await readSigners({ signatures, ...config }, errors);
  const rules = signatures.rules.map(({ match, signers: names }, index) => {
    const report = (key: string, message: string) =>
      errors.push(`signatures.rules[${index}].${key} ${message}${whereSet(config, ['signatures', 'rules', String(index), key])}`);
    return {
      match: eachOf(
        match,
        parsePattern,
        (text) => report('match', `has ${text}, which is not a pattern of repositories`),
        () => report('match', 'is empty'),
      ),
      signers: eachOf(
        names,
        (wanted) => signers.find(({ name }) => name === wanted),
        (text) => report('signers', `has ${text}, which is none of signatures.signers`),
        () => report('signers', 'is empty'),
      ),
    };
  });
  if (errors.length > 0) throw new ConfigError(errors);
  return rules;
}

async function readSigners({ signatures, ...config }: Config, errors: string[]): Promise<readonly Signer[]> {
  // Loaded only where it is used: modules take time and memory at each start.
  const { createSigner } = await import('../../signatures/signer.ts');
  const verifyIdentity = await openIdentityVerifier({ signatures, ...config }, errors);
  return Object.entries(signatures.signers).map(([name, signer]) => {
    const { cosignKeys, notationCertificates, timestampCertificates, identities } = signer;
    const report = (key: string, message: string) =>
      errors.push(`signatures.signers.${name}${key} ${message}${whereSet(config, ['signatures', 'signers', name])}`);
    if (cosignKeys.length + notationCertificates.length + identities.length === 0)
      report('', 'has neither cosignKeys nor notationCertificates nor identities');
    const keys = cosignKeys.flatMap((file) => readFile(file, readKey, (message) => report('.cosignKeys', message)));
    const readCertificates = (files: readonly string[], key: string) =>
      files.flatMap((file) => readFile(file, readPemCertificates, (message) => report(key, message)));
    const notation = {
      certificates: readCertificates(notationCertificates, '.notationCertificates'),
      timestampCertificates: readCertificates(timestampCertificates, '.timestampCertificates'),
    };
    if (timestampCertificates.length > 0 && notationCertificates.length === 0)
      report('.timestampCertificates', 'counts only with notationCertificates');
    if (identities.some(({ issuer, subject }) => issuer === '' || subject === ''))
      report('.identities', 'has an identity without issuer or subject');
    const verify = identities.length > 0 ? verifyIdentity : undefined;
    return createSigner({
      name,
      keys,
      notation,
      verifyIdentity: verify && ((signature, image) => verify(signature, identities, image)),
    });
  });
}

/** Undefined, with an error, if identities are named and the trusted root is not, or cannot be used. */
async function openIdentityVerifier({ signatures, ...config }: Config, errors: string[]): Promise<IdentityVerifier | undefined> {
  const { signers, trustedRoot } = signatures;
  const report = (message: string) =>
    errors.push(`signatures.trustedRoot ${message}${whereSet(config, ['signatures', 'trustedRoot'])}`);
  const hasIdentities = Object.values(signers).some(({ identities }) => identities.length > 0);
  if (trustedRoot === undefined) {
    if (hasIdentities) report('is missing: identities of signers cannot be checked without it');
    return undefined;
  }
  if (!hasIdentities) report('is set, but no signer has identities');
  const { createIdentityVerifier } = await import('../../signatures/identities.ts');
  const [verifier] = readFile(trustedRoot, (text) => [createIdentityVerifier(text)], report);
  return verifier;
}

function eachOf<Item>(
  texts: readonly string[],
  parse: (text: string) => Item | undefined,
  reportWrong: (text: string) => void,
  reportEmpty: () => void,
): readonly Item[] {
  if (texts.length === 0) reportEmpty();
  return texts.flatMap((text) => {
    const item = parse(text);
    if (item === undefined) reportWrong(text);
    return item ?? [];
  });
}

function readFile<Item>(
  file: string,
  read: (pem: string) => readonly Item[],
  report: (message: string) => void,
): readonly Item[] {
  try {
    return read(readFileSync(file, 'utf8'));
  } catch (error) {
    report(`has ${file}, which cannot be used: ${(error as Error).message}`);
    return [];
  }
}

function readKey(pem: string): readonly KeyObject[] {
  return [createPublicKey(pem)];
}
