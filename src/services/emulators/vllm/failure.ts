import type { ServerResponse } from 'node:http'
import { sendJson } from '../http.ts'

const types = {
  400: 'BadRequestError',
  404: 'NotFoundError',
  405: 'MethodNotAllowed',
  413: 'RequestEntityTooLarge',
  429: 'TooManyRequestsError',
  500: 'InternalServerError',
} as const

/** An answer other than 200, in the shape of OpenAI's API as vLLM gives it. */
export class VllmFailure extends Error {
  readonly status: keyof typeof types
  readonly param: string | null

  constructor(status: keyof typeof types, message: string, param: string | null = null) {
    super(message)
    this.status = status
    this.param = param
  }
}

export function sendFailure(response: ServerResponse, { status, message, param }: VllmFailure): void {
  sendJson(response, status, JSON.stringify({ error: { message, type: types[status], param, code: status } }))
}
