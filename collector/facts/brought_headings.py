"""Columns and words of what booking systems bring besides facts: bookings, users, charges, details, a year's effects.

They are read like the files of facts (headings.py, mapping.py) and recorded by collector/exchange/intake.py. A field
that holds words has a name of its own, because words go by the field's name.
"""

from collections.abc import Mapping, Sequence

_ORDER = ["订单号", "服务订单号", "委托单号"]
_UNIT = ["管理单位代码"]
_ASSET = ["资产编号", "仪器编号", "设备编号"]
BROUGHT: Mapping[str, Mapping[str, Sequence[str]]] = {
    "bookings": {
        "key": ["预约编号", "预约单号", "记录编号"],
        "asset": _ASSET,
        "start": ["预约开始时间", "开始时间"],
        "end": ["预约结束时间", "结束时间"],
        "period": ["预约时段", "时段"],
        "duration_h": ["时长（小时）"],
        "duration_min": ["时长（分钟）"],
        "user": ["预约人", "使用者", "使用人"],
        "order": _ORDER,
        "booking_state": ["预约状态"],
    },
    "users": {
        "unit": _UNIT,
        "user": ["用户编号", "工号", "学号", "使用者"],
        "card": ["卡号"],
        "member_of": ["所属单位代码", "统一社会信用代码"],
        "user_kind": ["用户类型"],
        "user_state": ["用户状态"],
    },
    "charges": {
        "unit": _UNIT,
        "key": ["收费编号", "流水号"],
        "order": _ORDER,
        "charge_kind": ["收费类型"],
        "amount": ["金额", "金额（元）", "收费金额"],
        "charged_on": ["收费日期"],
    },
    "order-details": {
        "unit": _UNIT,
        "order": _ORDER,
        "project_name": ["课题名称", "项目名称"],
        "project_source": ["课题来源", "经费来源"],
        "area": ["学科领域"],
        "direction": ["服务类型"],
        "satisfaction": ["用户评价"],
    },
    "effects": {
        "asset": _ASSET,
        "year": ["年度"],
        "papers": ["论文数"],
        "patents": ["专利数"],
        "remark": ["备注"],
    },
}
BROUGHT_NEEDED: Mapping[str, Sequence[str]] = {
    "bookings": ("key", "asset"),
    "users": ("user",),
    "charges": ("key", "order", "amount", "charged_on"),
    "order-details": ("order",),
    "effects": ("asset", "year"),
}
BROUGHT_WORDS: Mapping[str, Mapping[str, str]] = {
    "booking_state": {"已预约": "booked", "已通过": "booked", "已取消": "cancelled", "已撤销": "cancelled"},
    "user_kind": {
        "教工": "staff", "职工": "staff", "学生": "student", "校外": "external", "单位外": "external", "其他": "other",
    },
    "user_state": {"有效": "active", "在岗": "active", "离开": "left", "停用": "left"},
    "charge_kind": {"收费": "charge", "退费": "refund"},
    "direction": {"科学研究": "research", "科技开发": "development", "教学": "teaching", "其他": "other"},
    "satisfaction": {
        "1": "1", "2": "2", "3": "3", "4": "4", "5": "5",
        "非常满意": "5", "基本满意": "4", "一般": "3", "不满意": "2", "极差": "1",
    },
}  # fmt: skip
