import { type KeyObject, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigError, whereSet } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import { readPemCertificates } from '../../platform/pem.ts';
import { parsePattern } from '../../oci/patterns/repository-pattern.ts';
import { type SignaturePolicy, type SignatureRule, createSignaturePolicy } from '../../signatures/policy.ts';
import type { Signer } from '../../signatures/signature.ts';
import { createSigner } from '../../signatures/signer.ts';
import { type SignatureVerifierOptions, createSignatureVerifier } from '../../signatures/verifier.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';

/** Undefined without rules. Throws as `readSignatureRules` does. */
export function openSignaturePolicy(
  config: Config,
  parts: SignatureVerifierOptions & { readonly metadata: MetadataStore },
): SignaturePolicy | undefined {
  const rules = readSignatureRules(config);
  if (rules.length === 0) return undefined;
  return createSignaturePolicy({ rules, metadata: parts.metadata, verifier: createSignatureVerifier(parts) });
}

/** Reads `signatures`. Throws `ConfigError` with all patterns, names and files that cannot be used. */
export function readSignatureRules({ signatures, ...config }: Config): readonly SignatureRule[] {
  const errors: string[] = [];
  const signers = Object.entries(signatures.signers).map(([name, { cosignKeys, notationCertificates }]): Signer => {
    const report = (key: string, message: string) =>
      errors.push(`signatures.signers.${name}${key} ${message}${whereSet(config, ['signatures', 'signers', name])}`);
    if (cosignKeys.length + notationCertificates.length === 0) report('', 'has neither cosignKeys nor notationCertificates');
    const keys = cosignKeys.flatMap((file) => readFile(file, readKey, (message) => report('.cosignKeys', message)));
    const certificates = notationCertificates.flatMap((file) =>
      readFile(file, readPemCertificates, (message) => report('.notationCertificates', message)),
    );
    return createSigner({ name, keys, certificates });
  });
  const rules = signatures.rules.map(({ match, signers: names }, index) => {
    const report = (key: string, message: string) =>
      errors.push(`signatures.rules[${index}].${key} ${message}${whereSet(config, ['signatures', 'rules', String(index), key])}`);
    return {
      match: eachOf(
        match,
        parsePattern,
        (text) => report('match', `has ${text}, which is no pattern of repositories`),
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
