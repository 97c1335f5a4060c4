import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { MOCK_TOPIC } from '../../src/apns/mock/ca.ts';
import { loadConfig } from '../../src/config/load.ts';
import { temporaryFolder } from '../support/store.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(PROJECT, 'packaging/container');
const read = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');

interface Stage {
  name: string;
  instructions: string[];
}

/** Lines that go on are one; comments are none. */
const STAGES: Stage[] = read('Containerfile')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll('\\\n', ' ')
  .split(/^(?=FROM )/m)
  .filter((text) => text.startsWith('FROM '))
  .map((text) => {
    const [from = '', ...instructions] = text.split('\n').filter(Boolean);
    return { name: / AS (\S+)$/.exec(from)?.[1] ?? '', instructions };
  });

interface Service {
  image: string;
  build?: { context: string; dockerfile: string; target: string };
  read_only?: boolean;
  cap_drop?: string[];
  secrets?: string[];
  volumes?: string[];
  ports?: string[];
  healthcheck?: object;
  network_mode?: string;
  environment?: Record<string, string>;
}
const compose = parse(read('compose.yaml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
};
const services = Object.entries(compose.services);

describe('the Containerfile', () => {
  test.each(['mail-server', 'xapplepush'])('%s runs as its own user, and says whether it is well', (name) => {
    const { instructions = [] } = STAGES.find((stage) => stage.name === name) ?? {};
    expect(instructions.filter((each) => /^USER /.test(each))).toEqual(['USER 5000:5000']);
    expect(instructions.filter((each) => /^HEALTHCHECK .*CMD \[/.test(each))).toHaveLength(1);
    const [, command = ''] =
      /CMD (\[.*\])$/.exec(instructions.find((each) => /^HEALTHCHECK/.test(each)) ?? '') ?? [];
    expect(JSON.parse(command)).not.toEqual([]);
  });

  test('what it copies is there, from the project or from a stage before', () => {
    const names: string[] = [];
    for (const { name, instructions } of STAGES) {
      for (const copy of instructions.filter((each) => /^COPY /.test(each))) {
        const [, stage, source = ''] = /^COPY (?:--from=(\S+) )?(\S+) \S+$/.exec(copy) ?? [];
        if (stage === undefined) expect(existsSync(join(PROJECT, source)), copy).toBe(true);
        else expect(names, copy).toContain(stage);
      }
      names.push(name);
    }
    expect(names.at(-1)).toBe('xapplepush');
  });
});

test('nothing that is made in a checkout is copied into an image', () => {
  const left = readFileSync(join(PROJECT, '.dockerignore'), 'utf8').split('\n');
  const made = [
    'dist',
    'node_modules',
    'dovecot/*.so',
    'dovecot/fuzz-driver',
    'dovecot/fuzz-parser',
    '**/*.compiled',
  ];
  expect(left).toEqual(expect.arrayContaining(made));
});

describe('compose.yaml', () => {
  test.each(services)('%s has a read-only root and no capability', (_, { read_only, cap_drop }) => {
    expect({ read_only, cap_drop }).toEqual({ read_only: true, cap_drop: ['ALL'] });
  });

  test.each(services)('%s uses what is declared, and a stage that there is', (_, service) => {
    for (const secret of service.secrets ?? []) expect(compose.secrets).toHaveProperty(secret);
    for (const [source = ''] of (service.volumes ?? []).map((volume) => volume.split(':'))) {
      if (source.startsWith('./')) expect(existsSync(join(FOLDER, source))).toBe(true);
      else expect(compose.volumes).toHaveProperty(source);
    }
    if (service.build === undefined) return;
    expect(existsSync(join(FOLDER, service.build.context, service.build.dockerfile))).toBe(true);
    expect(STAGES.map(({ name }) => name)).toContain(service.build.target);
  });

  test('nothing is open beyond this machine, and no password stands in it', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    expect(ports).not.toEqual([]);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    const given = services.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(given.filter((name) => /PASSWORD$/.test(name))).toEqual([]);
    const files = Object.values(compose.secrets).map(({ file }) => file);
    expect(files.filter((file) => !file.startsWith('./secrets/'))).toEqual([]);
    expect(readFileSync(join(PROJECT, '.gitignore'), 'utf8')).toContain('packaging/container/secrets/\n');
    expect(readFileSync(join(PROJECT, '.dockerignore'), 'utf8')).toContain('packaging/container/secrets\n');
  });
});

test('the configuration can be used, and its files are where compose.yaml puts them', () => {
  const copy = join(temporaryFolder(), 'config.yaml'); // beside which a compiled form may be kept
  copyFileSync(join(FOLDER, 'config.yaml'), copy);
  const config = loadConfig(copy, {});
  const { secrets = [], volumes = [], network_mode } = compose.services['xapplepush'] ?? {};
  expect(config.postgres).toMatchObject({ passwordFile: `/run/secrets/${secrets[0]}` });
  const places = volumes.map((volume) => volume.split(':')[1]);
  expect(places).toContain('/var/lib/mock-apns');
  expect(config.apns.certificate).toBe('/var/lib/mock-apns/client.pem');
  expect(compose.services['dovecot']?.environment).toEqual({ XAPPLEPUSH_TOPIC: MOCK_TOPIC });
  expect(network_mode).toBe('service:mock-apns'); // which listens on the loopback only
});
