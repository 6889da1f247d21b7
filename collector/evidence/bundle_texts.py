"""What a bundle says of itself to whoever opens it."""

README_EN = """This is an evidence bundle of jishi: what one instrument did in one period, and what that rests on.

Verify it without a network:  jishi-audit verify THIS-BUNDLE --trust KEYS.txt
KEYS.txt is a list of the keys that you trust. Get it from the province by another way than this bundle;
keys/policy.txt in here is for information only: whoever forges a bundle writes that too.

What it proves, where the verifier says VALID: that the readings in it were written by the agents' keys between the
times that beacons and receipts give, that nothing of them was altered, left out or put in since, that the hours follow
from them under the policies in here, and that the collector's log held all of it when its checkpoint was signed.

What it does not prove: a signature says who wrote something and between which times. It does not say that the
instrument did useful work, nor that the watchers were fastened to this instrument. That is looked at on site.

MANIFEST lists every file with its SHA-256. agents/ holds the agents' own logs and the collector's receipts over them,
collector/ the collector's log's checkpoint, facts/ what people and the registry said, policy/ the policies by their
SHA-256, hours/ the hour records, their grades, and a table for people. docs/bundle.md of jishi describes every file.
"""

README_ZH = """这是 jishi（机时）的证据包：一台仪器在一段时间内做了什么，以及这些数字的依据。

无需联网即可核验：jishi-audit verify 本证据包 --trust KEYS.txt
KEYS.txt 是您信任的公钥清单，请从省级平台以其他途径取得，不要取自本包；包内 keys/policy.txt 仅供参考：
伪造证据包的人同样可以写它。

核验结果为 VALID 时，它证明：包内读数由各代理的密钥写成，写成时间在信标与回执所给的时间之间；此后没有任何读数被修改、
删去或插入；机时按包内的政策由这些读数算出；省级采集端的日志在签署检查点时已包含以上全部内容。

它不证明：签名只说明谁在何时之间写了什么，并不说明仪器做了有用的工作，也不说明监测装置确实接在这台仪器上。
这些需要现场核查。

MANIFEST 列出每个文件及其 SHA-256。agents/ 为各代理自己的日志及采集端的回执，collector/ 为采集端日志的检查点，
facts/ 为人员与登记的陈述，policy/ 为政策（以 SHA-256 命名），hours/ 为机时记录、等级及便于阅读的表格。
每个文件的格式见 jishi 的 docs/bundle.md。
"""
