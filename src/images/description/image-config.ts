import { fieldsOf, textOf, textsOf } from '../../oci/foreign-json.ts';
import { type BuildStep, stepsOf } from './build-steps.ts';

/** What the configuration of an image says (image-spec, config.md), as far as people look at it. */
export interface ImageConfig {
  readonly platform: string | undefined;
  /** RFC 3339, as the builder wrote it. */
  readonly created: string | undefined;
  readonly author: string | undefined;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDirectory: string | undefined;
  readonly user: string | undefined;
  readonly stopSignal: string | undefined;
  readonly environment: readonly string[];
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly steps: readonly BuildStep[];
}

/** Reads a configuration. Builders write what they like: what has another type than the specification says is left out. */
export function readImageConfig(document: unknown): ImageConfig {
  const image = fieldsOf(document);
  const config = fieldsOf(image['config']);
  const [os, architecture, variant] = [textOf(image['os']), textOf(image['architecture']), textOf(image['variant'])];
  return {
    platform: os && architecture ? [os, architecture, variant].filter(Boolean).join('/') : undefined,
    created: textOf(image['created']),
    author: textOf(image['author']),
    entrypoint: textsOf(config['Entrypoint']),
    command: textsOf(config['Cmd']),
    workingDirectory: textOf(config['WorkingDir']),
    user: textOf(config['User']),
    stopSignal: textOf(config['StopSignal']),
    environment: textsOf(config['Env']),
    ports: Object.keys(fieldsOf(config['ExposedPorts'])),
    volumes: Object.keys(fieldsOf(config['Volumes'])),
    labels: Object.fromEntries(Object.entries(fieldsOf(config['Labels'])).map(([name, value]) => [name, String(value)])),
    steps: stepsOf(image['history']),
  };
}
