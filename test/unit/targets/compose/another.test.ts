import type { ContainerInspectInfo } from 'dockerode'
import { expect, test } from 'vitest'
import { numberedAs } from '../../../../src/targets/compose/another.ts'

const id = '4469840611bd'.padEnd(64, '0')
const model = {
  Id: id,
  Name: '/handbook-embed-4',
  Config: {
    Hostname: '4469840611bd',
    Image: 'ragscale:1',
    Labels: { 'com.docker.compose.container-number': '4', 'com.docker.compose.config-hash': 'abc' },
  },
  HostConfig: { NetworkMode: 'handbook_stack', NanoCpus: 1_000_000_000 },
  NetworkSettings: {
    Networks: {
      handbook_stack: {
        Aliases: ['handbook-embed-4', 'embed', '4469840611bd'],
        IPAMConfig: null,
        Links: null,
        DriverOpts: null,
        IPAddress: '10.0.0.9',
      },
      other: { Aliases: ['embed'], IPAMConfig: { IPv4Address: '10.1.0.9' } },
    },
  },
} as unknown as ContainerInspectInfo

test('what is made as Compose made it is the same but for its number, name and what the engine gives it', () => {
  expect(numberedAs(model, 2)).toEqual({
    options: {
      name: 'handbook-embed-2',
      Image: 'ragscale:1',
      Labels: { 'com.docker.compose.container-number': '2', 'com.docker.compose.config-hash': 'abc' },
      HostConfig: model.HostConfig,
      NetworkingConfig: { EndpointsConfig: { handbook_stack: { Aliases: ['handbook-embed-2', 'embed'] } } },
    },
    networks: [['other', { Aliases: ['embed'], IPAMConfig: { IPv4Address: '10.1.0.9' } }]],
  })
})

test('a host name that somebody gave it is kept', () => {
  const named = { ...model, Config: { ...model.Config, Hostname: 'embedder' } }
  expect(numberedAs(named, 2).options.Hostname).toBe('embedder')
})
