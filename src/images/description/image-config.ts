import { fieldsOf } from '../../oci/foreign-json.ts';

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

/** A step of the build, oldest first. */
export interface BuildStep {
  readonly instruction: string;
  /** True if it made no layer. */
  readonly isEmpty: boolean;
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

function stepsOf(history: unknown): readonly BuildStep[] {
  return (Array.isArray(history) ? (history as readonly unknown[]) : []).map((entry) => {
    const fields = fieldsOf(entry);
    return {
      instruction: instructionOf(textOf(fields['created_by']) ?? textOf(fields['comment']) ?? ''),
      isEmpty: fields['empty_layer'] === true,
    };
  });
}

/** Returns what stood in the Dockerfile: builders write it behind the shell that ran it. */
export function instructionOf(createdBy: string): string {
  const text = createdBy.replace(/\s*# buildkit$/, '').trim();
  const classic = /^(?:\|\d+ .*?)?\/bin\/sh -c (#\(nop\)\s*)?([^]*)$/.exec(text);
  if (classic) return classic[1] === undefined ? `RUN ${classic[2] ?? ''}` : (classic[2] ?? '').trim();
  return text.replace(/^RUN (?:\|\d+ .*? )?\/bin\/sh -c /, 'RUN ');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
