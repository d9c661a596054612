local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local state = redis.call("GET", KEYS[1]) or ""
if ARGV[2] ~= "" and state == ARGV[1] then
  redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3])
  return {now}
end
return {now, state}
