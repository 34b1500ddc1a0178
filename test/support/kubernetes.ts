import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { parseAllDocuments } from 'yaml';

export type Settings = Readonly<Record<string, string>>;

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
  }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext?: {
    readonly runAsNonRoot?: boolean;
    readonly allowPrivilegeEscalation?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly capabilities?: { readonly drop?: readonly string[] };
  };
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Settings };
  readonly data?: Settings;
  readonly spec?: {
    readonly selector?: Settings & { readonly matchLabels?: Settings };
    readonly podSelector?: { readonly matchLabels: Settings };
    readonly template?: {
      readonly metadata: { readonly labels: Settings };
      readonly spec: {
        readonly containers: readonly Container[];
        readonly enableServiceLinks?: boolean;
        readonly securityContext?: { readonly fsGroup?: number };
        readonly volumes?: readonly { readonly name: string; readonly emptyDir?: object }[];
      };
    };
  };
}

const folder = resolve(import.meta.dirname, '../../deploy/kubernetes');

/** Returns the names of the files with manifests. */
export const manifestFiles = (): readonly string[] => readdirSync(folder).filter((name) => name !== 'kustomization.yaml');

export const manifestsOf = (file: string): readonly Manifest[] =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS() as Manifest);

/** Returns the container of berth, its pod, and the settings of its ConfigMap. */
export function berthContainer() {
  const manifests = manifestsOf('berth.yaml');
  const pod = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec;
  const container = pod?.containers[0];
  if (pod === undefined || container === undefined) throw new Error('deploy/kubernetes/berth.yaml has no container');
  return { pod, container, settings: manifests.find(({ kind }) => kind === 'ConfigMap')?.data ?? {} };
}

/** Returns the variables of berth's container, with these values of the secret `berth`. */
export function containerSettings(secret: Settings): Settings {
  const { container, settings } = berthContainer();
  const variables = (container.env ?? []).map(({ name, value, valueFrom }) => {
    const found = value ?? secret[valueFrom?.secretKeyRef.key ?? ''];
    if (found === undefined) throw new Error(`${name} has no value`);
    return [name, found] as const;
  });
  return { ...settings, ...Object.fromEntries(variables) };
}

/**
 * Compares manifests with the types of the Kubernetes API: fields that do not exist, types of values, and fields that are required.
 * Returns what is wrong.
 */
export function schemaErrors(manifests: readonly Manifest[]): readonly string[] {
  const name = resolve(import.meta.dirname, 'manifests.ts');
  const lines = manifests.map((manifest, index) => {
    const [version, group = 'core'] = manifest.apiVersion.split('/').reverse();
    const type = `import('kubernetes-types/${group.split('.')[0]}/${version}').${manifest.kind}`;
    return `export const manifest${index}: ${type} = ${JSON.stringify(manifest)};`;
  });
  const options = { lib: ['lib.es5.d.ts'], types: [], strict: true, moduleResolution: ts.ModuleResolutionKind.Bundler };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (file, ...rest) =>
    file === name ? ts.createSourceFile(name, lines.join('\n'), ts.ScriptTarget.ES2022) : read(file, ...rest);
  const program = ts.createProgram([name], { ...options, module: ts.ModuleKind.ESNext, noEmit: true }, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
