import { expect, test } from 'vitest'
import { UserError } from '../../../../src/errors.ts'
import { toldOf } from '../../../../src/targets/swarm/refusals.ts'

const ofEngine = (statusCode: number, message: string) => Object.assign(new Error(message), { statusCode })

test('an engine that went away, a swarm without a leader and a refusal are told of with what to do', () => {
  const gone = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  expect(toldOf(gone)).toMatchObject({ message: 'the Docker engine stopped answering', exitCode: 4 })
  const leaderless = ofEngine(503, '(HTTP code 503) unexpected - The swarm does not have a leader.')
  expect(toldOf(leaderless)).toMatchObject({ exitCode: 4, code: 'swarm' })
  expect(toldOf(ofEngine(500, 'no space left on device'))).toMatchObject({
    message: 'the Docker engine refused it: no space left on device',
    exitCode: 1,
  })
})

test('what is told of already, and what is our own fault, stay what they are', () => {
  const told = new UserError('so')
  const bug = new TypeError('undefined is not a function')
  expect(toldOf(told)).toBe(told)
  expect(toldOf(bug)).toBe(bug)
})
