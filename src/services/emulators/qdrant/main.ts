import { runService } from '../../process.ts'
import { startQdrant } from './http/server.ts'

runService(startQdrant)
