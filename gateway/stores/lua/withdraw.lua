-- KEYS: record, lease, spent windows
-- ARGV: 1 if the record was fresh, else 0

uncount(3, #KEYS, 1)
if ARGV[1] == '1' then
  redis.call('DEL', KEYS[1], KEYS[2])
elseif redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('SETRANGE', KEYS[1], 18, '\255\255\255\255')
end
return 0
