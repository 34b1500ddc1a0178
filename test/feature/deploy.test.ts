import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import {
  type Manifest,
  berthContainer,
  containerSettings,
  manifestFiles,
  manifestsOf,
  schemaErrors,
} from '../support/kubernetes.ts';

const deploy = resolve(import.meta.dirname, '../../deploy');

type Environment = Readonly<Record<string, string>>;
type Service = {
  networks?: { default: { ipv4_address: string } };
  environment?: Environment;
  build?: string | { context: string; dockerfile: string };
  volumes?: string[];
};

/** What the image sets, and berth refuses without access control. */
const inImage = { BERTH_LISTEN: '0.0.0.0:5000' };

function expectReplica(environment: Environment): void {
  const { storage, access } = loadConfig({ environment: { ...inImage, ...environment } });
  expect([storage.blobs.driver, storage.metadata.driver, access.mode]).toEqual(['s3', 'postgres', 'token']);
}

describe('deploy/compose', () => {
  const folder = join(deploy, 'compose');
  const { services } = parse(readFileSync(join(folder, 'compose.yaml'), 'utf8')) as { services: Record<string, Service> };

  test('has two equal replicas with a valid configuration', () => {
    expect(services['berth-1']).toEqual(services['berth-2']);
    expectReplica(services['berth-1']?.environment ?? {});
  });

  test('the replicas trust the address of the proxy, and no other', () => {
    const { trustedProxies } = loadConfig({ environment: { ...inImage, ...services['berth-1']?.environment } });
    expect(trustedProxies).toEqual([services['proxy']?.networks?.default.ipv4_address]);
  });

  test('the proxy uses both replicas', () => {
    const proxy = readFileSync(join(folder, 'Caddyfile'), 'utf8');
    for (const name of ['berth-1', 'berth-2']) expect(proxy).toContain(`${name}:5000`);
  });

  test('every file that it names exists in the build context', () => {
    for (const { build, volumes = [] } of Object.values(services)) {
      const context = resolve(folder, typeof build === 'string' ? build : (build?.context ?? '.'));
      const dockerfile = typeof build === 'object' ? build.dockerfile : 'Dockerfile';
      if (build !== undefined) expect(existsSync(join(context, dockerfile))).toBe(true);
      for (const volume of volumes.filter((text) => text.startsWith('.'))) {
        expect(existsSync(resolve(folder, volume.split(':')[0] ?? ''))).toBe(true);
      }
    }
    const copied = /^COPY (\S+)/m.exec(readFileSync(join(folder, 's3/Dockerfile'), 'utf8'))?.[1] ?? '';
    expect(existsSync(resolve(deploy, '..', copied))).toBe(true);
    expect(readFileSync(resolve(deploy, '../.dockerignore'), 'utf8').split('\n')).toContain(`!${copied}`);
  });
});

describe('deploy/kubernetes', () => {
  const { resources: files } = parse(readFileSync(join(deploy, 'kubernetes/kustomization.yaml'), 'utf8')) as {
    resources: string[];
  };
  const manifests = files.flatMap(manifestsOf);
  const all = manifestFiles().flatMap(manifestsOf);
  const { pod, container } = berthContainer();

  test('the manifests have the fields and types of the Kubernetes API', () => {
    const deployment = JSON.stringify(all.find(({ kind }) => kind === 'Deployment'));
    const misspelt = JSON.parse(deployment.replace('"httpGet"', '"httpget"')) as Manifest;
    expect(schemaErrors([...all, misspelt])).toEqual([expect.stringContaining(`'"httpget"' does not exist in type 'Probe'`)]);
  });

  test('has replicas with a valid configuration and secrets for their passwords', () => {
    const [metadata, other] = ['postgres://berth:secret@postgres/berth', 'secret-value'];
    const keys = ['s3-access-key-id', 's3-secret-access-key', 'admin-password'].map((key) => [key, other]);
    expectReplica(containerSettings({ 'metadata-url': metadata, ...(Object.fromEntries(keys) as Environment) }));
  });

  test('a replica has a folder for mirror downloads, and no variables of its own Service', () => {
    expect(pod.enableServiceLinks).toBe(false);
    expect(container.volumeMounts).toEqual([{ name: pod.volumes?.[0]?.name, mountPath: '/data' }]);
  });

  test('the Service, the network policies and the disruption budget select the pods of the Deployment', () => {
    const labels = all.find(({ kind }) => kind === 'Deployment')?.spec?.template?.metadata.labels;
    const selectors = all.flatMap(({ kind, metadata, spec }) => {
      if (!metadata.name.startsWith('berth') || kind === 'Deployment') return [];
      return [spec?.podSelector?.matchLabels ?? spec?.selector?.matchLabels ?? spec?.selector].filter(Boolean);
    });
    expect(selectors).toEqual(Array(4).fill(labels));
  });

  test('each resource has a kind and a name', () => {
    expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'ConfigMap berth',
      'Deployment berth',
      'Service berth',
      'NetworkPolicy berth',
      'PodDisruptionBudget berth',
      'Ingress berth',
      'StatefulSet postgres',
      'Service postgres',
    ]);
    expect(manifestFiles().filter((file) => !files.includes(file))).toEqual(['autoscaling.yaml']);
  });

  test('the autoscaler scales the deployment on counters of berth, down to what the disruption budget allows', () => {
    const scaler = manifestsOf('autoscaling.yaml').find(({ kind }) => kind === 'HorizontalPodAutoscaler')?.spec as unknown as {
      scaleTargetRef: { kind: string; name: string };
      minReplicas: number;
      metrics: { pods: { metric: { name: string } } }[];
    };
    expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toContain(
      `${scaler.scaleTargetRef.kind} ${scaler.scaleTargetRef.name}`,
    );
    const budget = manifests.find(({ kind }) => kind === 'PodDisruptionBudget')?.spec as unknown as { minAvailable: number };
    expect(scaler.minReplicas).toBeGreaterThan(budget.minAvailable);
    const { rules } = parse(readFileSync(join(deploy, 'prometheus-adapter/values.yaml'), 'utf8')) as {
      rules: { custom: { name: { as: string }; metricsQuery: string }[] };
    };
    const [rule] = rules.custom;
    expect(scaler.metrics.map(({ pods }) => pods.metric.name)).toEqual([rule?.name.as]);
    const documented = readFileSync(resolve(deploy, '../docs/operation.md'), 'utf8');
    const counters = rule?.metricsQuery.match(/berth_\w+/g) ?? [];
    expect(counters.length).toBeGreaterThan(0);
    for (const counter of counters) expect(documented).toContain(`| \`${counter}\``);
  });
});

describe('the image', () => {
  const dockerfile = readFileSync(resolve(deploy, '../Dockerfile'), 'utf8');
  const json = (name: string) => JSON.parse(readFileSync(resolve(deploy, '..', name), 'utf8')) as unknown;

  test('and its label have the version of package.json', () => {
    const { version } = json('package.json') as { version: string };
    expect(dockerfile).toMatch(new RegExp(`^ARG VERSION=${version}$`, 'm'));
  });

  test('has the Node.js of the other packages', () => {
    const { optionalDependencies } = json('runtime/package.json') as { optionalDependencies: Readonly<Record<string, string>> };
    for (const version of Object.values(optionalDependencies)) {
      expect(dockerfile).toContain(`\nARG BASE=node:${version}-slim\n`);
      expect(dockerfile).toContain(`\nARG BUILDER=node:${version}\n`);
    }
  });
});

describe('deploy/proxies', () => {
  const read = (name: string) => parse(readFileSync(join(deploy, 'proxies', name), 'utf8')) as unknown;

  test("Traefik's router, entry point and certificate resolver are defined, and its requests have no time limit", () => {
    const { entryPoints, certificatesResolvers } = read('traefik.yaml') as {
      entryPoints: Record<string, { transport?: { respondingTimeouts: { readTimeout: number } } }>;
      certificatesResolvers: Record<string, unknown>;
    };
    const { http } = read('traefik-berth.yaml') as {
      http: {
        routers: { berth: { entryPoints: string[]; service: string; tls: { certResolver: string } } };
        services: Record<string, unknown>;
      };
    };
    const { berth } = http.routers;
    expect(Object.keys(entryPoints)).toEqual(expect.arrayContaining(berth.entryPoints));
    expect(Object.keys(http.services)).toContain(berth.service);
    expect(Object.keys(certificatesResolvers)).toContain(berth.tls.certResolver);
    expect(entryPoints['websecure']?.transport?.respondingTimeouts.readTimeout).toBe(0);
  });
});

describe('deploy/systemd', () => {
  const unit = readFileSync(join(deploy, 'systemd/berth.service'), 'utf8');

  test('the unit starts a checkout in /opt/berth, not as root, and waits for running transfers', () => {
    const program = /^ExecStart=\/opt\/berth\/(\S+) serve/m.exec(unit)?.[1] ?? '';
    expect(existsSync(resolve(deploy, '..', program))).toBe(true);
    expect(unit).toMatch(/^User=berth$/m);
    const stopSeconds = Number(/^TimeoutStopSec=(\d+)s$/m.exec(unit)?.[1]);
    const { shutdown } = loadConfig({ environment: {} });
    expect(stopSeconds).toBeGreaterThan(shutdown.delay + shutdown.grace);
  });

  test('the unit starts a server again that has failed, but not one with an invalid configuration', () => {
    expect(unit).toMatch(/^Restart=on-failure$/m);
    expect(unit).toMatch(/^RestartPreventExitStatus=2 78$/m);
  });

  test('the unit lets systemd-notify, a process of its own, say that the server is ready', () => {
    expect(unit).toMatch(/^Type=notify$/m);
    expect(unit).toMatch(/^NotifyAccess=all$/m);
  });
});

describe('deploy/prometheus and deploy/grafana', () => {
  const documented = readFileSync(resolve(deploy, '../docs/operation.md'), 'utf8');
  const namesIn = (text: string) =>
    [...text.matchAll(/\bberth_[a-z_]+/g)]
      .map(([name]) => name.replace(/_(?:bucket|sum|count)$/, ''))
      .filter((name) => name !== 'berth_');

  test.each(['prometheus/alerts.yaml', 'grafana/berth.json'])('%s names metrics that berth has', (file) => {
    const names = new Set(namesIn(readFileSync(join(deploy, file), 'utf8')));
    expect(names.size).toBeGreaterThan(8);
    expect([...names].filter((name) => !documented.includes(`\`${name}\``))).toEqual([]);
  });

  test('every alert says what it means', () => {
    const { groups } = parse(readFileSync(join(deploy, 'prometheus/alerts.yaml'), 'utf8')) as {
      groups: readonly { rules: readonly { alert: string; expr: string; annotations: { summary: string } }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { expr, annotations } of rules) expect([expr, annotations.summary].every((text) => text.length > 5)).toBe(true);
  });

  test('every panel of the dashboard has a place of its own and asks the chosen instances', () => {
    const { panels } = JSON.parse(readFileSync(join(deploy, 'grafana/berth.json'), 'utf8')) as {
      panels: readonly { gridPos: { x: number; y: number }; targets: readonly { expr: string }[] }[];
    };
    expect(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size).toBe(panels.length);
    for (const { expr } of panels.flatMap(({ targets }) => targets)) expect(expr).toContain('instance=~"$instance"');
  });
});
