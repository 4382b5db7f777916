/** Where workloads find each other, by target. */
import { type Addresses, balancerPorts } from '../catalog/container.ts'
import { helmAddresses } from './helm/addresses.ts'
import type { RenderTarget } from './topology.ts'

export function addressesOf(target: RenderTarget): Addresses {
  switch (target) {
    case 'compose':
    case 'swarm':
      return containerAddresses
    case 'kubernetes':
      return helmAddresses
    case 'systemd':
      return hostAddresses
  }
}

/** Names on a network of containers: of workloads, and of nodes by their number. */
const containerAddresses: Addresses = {
  url: (tier) => `http://balancer:${balancerPorts[tier]}`,
  host: (workload, port) => `${workload}:${port}`,
  // A node's host name is its service's name; Docker and every shell have it in HOSTNAME.
  peer: (node, port) => (node === 'own' ? `http://\${HOSTNAME}:${port}` : `http://vector-${node}:${port}`),
}

/**
 * On plain hosts only the operator knows where the other tiers are: our services read `RAGSCALE_EMBED_URL` and so on
 * from their environment. Hosts are names for the operator's DNS or /etc/hosts.
 */
const hostAddresses: Addresses = {
  ...containerAddresses,
  url: (tier) => `\${RAGSCALE_${tier.toUpperCase()}_URL}`,
}
