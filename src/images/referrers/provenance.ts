import { type Fields, fieldsOf } from '../../oci/foreign-json.ts';
import { itemsOf, textOf } from './fields.ts';

/** How an image was built (SLSA). Texts are '' where the document has none. */
export interface Provenance {
  readonly kind: 'provenance';
  /** Predicate type. */
  readonly format: string;
  readonly builder: string;
  readonly buildType: string;
  readonly source: string;
  readonly commit: string;
  /** At most 200 of what the build used. */
  readonly materials: readonly string[];
}

const maxMaterials = 200;

/** True for the predicate types of SLSA. */
export function isProvenance(predicateType: string): boolean {
  return predicateType.startsWith('https://slsa.dev/provenance/');
}

/** Reads SLSA 0.1, 0.2 and 1, with what BuildKit adds about the source. */
export function readProvenance(predicate: Fields, format: string): Provenance {
  const definition = fieldsOf(predicate['buildDefinition']);
  const details = fieldsOf(predicate['runDetails']);
  const parameters = fieldsOf(definition['externalParameters']);
  const materials = itemsOf(definition['resolvedDependencies'] ?? predicate['materials']);
  const config = fieldsOf(parameters['configSource'] ?? fieldsOf(predicate['invocation'])['configSource']);
  const workflow = fieldsOf(parameters['workflow']);
  const vcs = buildkitSource(predicate, details);
  const repository = materials.find(({ uri }) => textOf(uri).startsWith('git+')) ?? {};
  const digest = { ...fieldsOf(repository['digest']), ...fieldsOf(config['digest']) };
  return {
    kind: 'provenance',
    format,
    builder: textOf(fieldsOf(details['builder'] ?? predicate['builder'])['id']),
    buildType: textOf(definition['buildType'] ?? predicate['buildType']),
    source: textOf(vcs['source']) || textOf(workflow['repository']) || textOf(config['uri']) || textOf(repository['uri']),
    commit: textOf(vcs['revision']) || textOf(digest['gitCommit']) || textOf(digest['sha1']),
    materials: materials.slice(0, maxMaterials).map(({ uri }) => textOf(uri)),
  };
}

function buildkitSource(predicate: Fields, details: Fields): Fields {
  const older = fieldsOf(fieldsOf(predicate['metadata'])['https://mobyproject.org/buildkit@v1#metadata']);
  const newer = fieldsOf(fieldsOf(details['metadata'])['buildkit_metadata']);
  return fieldsOf(older['vcs'] ?? newer['vcs']);
}
