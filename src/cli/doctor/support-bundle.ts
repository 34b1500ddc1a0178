import { writeFile } from 'node:fs/promises';
import { availableParallelism, release, totalmem } from 'node:os';
import { redact } from '../../../config/redact.ts';
import { CommandError, type Invocation } from '../program/command.ts';
import { readVersion } from '../tool/version.ts';
import { examine } from './doctor.ts';
import { type Finding, reasonOf } from './finding.ts';

/** `berth support-bundle`: the version, the machine, the configuration without secrets, and what `berth doctor` finds. */
export async function writeSupportBundle(invocation: Invocation): Promise<void> {
  const config = invocation.config();
  const findings: Finding[] = [];
  for await (const finding of examine(config)) findings.push(finding);
  const bundle = {
    berth: readVersion(),
    node: process.version,
    machine: {
      platform: process.platform,
      release: release(),
      architecture: process.arch,
      cores: availableParallelism(),
      memory: totalmem(),
    },
    configuration: redact(config),
    findings,
  };
  const text = `${JSON.stringify(bundle, null, 2)}\n`;
  const file = invocation.options['output'];
  if (typeof file !== 'string') {
    invocation.write(text);
    return;
  }
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new CommandError(reasonOf(error));
  }
  invocation.print(`written to ${file}: names of repositories and hosts are in it, passwords and keys are not`);
}
