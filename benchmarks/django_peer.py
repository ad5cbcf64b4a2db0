"""The same work as a Django REST framework application does it, on tables of its own.

One file of Django: models, serializers and views as its documentation writes them, with a key
looked up by its digest, an audit row for each change, and the month's tally.
"""

import json
import os
from decimal import Decimal
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings

_URL = urlsplit(os.environ["BENCH_DATABASE_URL"])
settings.configure(
    SECRET_KEY="benchmark",  # noqa: S106 - it signs nothing here
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    INSTALLED_APPS=["rest_framework"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _URL.path[1:],
            "USER": _URL.username,
            "HOST": _URL.hostname,
            "PORT": _URL.port,
            "CONN_MAX_AGE": None,
            "OPTIONS": {"options": "-c search_path=django"},
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup(set_prefix=False)

# Nothing of Django may be imported before it is set up.
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models, transaction  # noqa: E402
from django.db.models import F, QuerySet  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import get_object_or_404  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework import serializers, viewsets  # noqa: E402
from rest_framework.authentication import BaseAuthentication  # noqa: E402
from rest_framework.decorators import action  # noqa: E402
from rest_framework.exceptions import AuthenticationFailed  # noqa: E402
from rest_framework.pagination import BasePagination  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.routers import SimpleRouter  # noqa: E402


class ApiKey(models.Model):
    organization_id = models.BigIntegerField()
    name = models.TextField()
    digest = models.BinaryField(unique=True)
    created_by = models.BigIntegerField()
    is_authenticated = True

    class Meta:
        app_label = "laboratory"
        db_table = "api_keys"


class TestDefinition(models.Model):
    __test__ = False
    organization_id = models.BigIntegerField()
    code = models.TextField()
    name = models.TextField()
    unit = models.TextField(null=True)
    spec_min = models.DecimalField(max_digits=30, decimal_places=10, null=True)
    spec_max = models.DecimalField(max_digits=30, decimal_places=10, null=True)
    loq = models.DecimalField(max_digits=30, decimal_places=10, null=True)
    active = models.BooleanField()

    class Meta:
        app_label = "laboratory"
        db_table = "test_definitions"


class Sample(models.Model):
    organization_id = models.BigIntegerField()
    tracking_id = models.TextField()
    external_id = models.TextField(null=True)
    status = models.TextField(default="pending")
    priority = models.TextField(default="normal")
    client_id = models.BigIntegerField(null=True)
    client_name = models.TextField()
    material_type_id = models.BigIntegerField()
    project_id = models.BigIntegerField(null=True)
    storage_location_id = models.BigIntegerField(null=True)
    plant_location = models.TextField(null=True)
    collection_date = models.TextField(null=True)
    notes = models.TextField(null=True)
    received_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.BigIntegerField(default=1)
    name = models.TextField(null=True)
    order_id = models.BigIntegerField(null=True)
    sku_id = models.BigIntegerField(null=True)
    lot = models.TextField(null=True)
    batch = models.TextField(null=True)
    composite = models.BooleanField(default=False)
    number_of_composites = models.BigIntegerField(default=1)
    serving_size = models.TextField(null=True)
    custom_fields = models.JSONField(default=dict)

    class Meta:
        app_label = "laboratory"
        db_table = "samples"


class SampleTest(models.Model):
    organization_id = models.BigIntegerField()
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="tests")
    tracking_id = models.TextField()
    test_definition = models.ForeignKey(TestDefinition, on_delete=models.PROTECT)
    test_code = models.TextField()
    test_name = models.TextField()
    unit = models.TextField(null=True)
    status = models.TextField(default="pending")
    result = models.TextField(null=True)
    result_operator = models.TextField(null=True)
    result_value = models.DecimalField(max_digits=30, decimal_places=10, null=True)
    specification = models.TextField(default="no_spec")
    spec_min = models.DecimalField(max_digits=30, decimal_places=10, null=True)
    spec_max = models.DecimalField(max_digits=30, decimal_places=10, null=True)
    notes = models.TextField(null=True)
    source = models.TextField(null=True)
    entered_by = models.BigIntegerField(null=True)
    entered_at = models.DateTimeField(null=True)
    verified_by = models.BigIntegerField(null=True)
    verified_at = models.DateTimeField(null=True)
    version = models.BigIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    panel = models.BooleanField(default=False)
    loq = models.DecimalField(max_digits=30, decimal_places=10, null=True)
    started_at = models.DateTimeField(null=True)
    custom_fields = models.JSONField(default=dict)

    class Meta:
        app_label = "laboratory"
        db_table = "sample_tests"


class Counter(models.Model):
    pk_of_pair = models.CompositePrimaryKey("organization_id", "prefix")
    organization_id = models.BigIntegerField()
    prefix = models.TextField()
    last = models.BigIntegerField()

    class Meta:
        app_label = "laboratory"
        db_table = "counters"


class QuotaUse(models.Model):
    pk_of_pair = models.CompositePrimaryKey("organization_id", "month")
    organization_id = models.BigIntegerField()
    month = models.TextField()
    used = models.BigIntegerField()

    class Meta:
        app_label = "laboratory"
        db_table = "quota_uses"


class AuditEvent(models.Model):
    organization_id = models.BigIntegerField()
    occurred_at = models.DateTimeField(auto_now_add=True)
    actor_kind = models.TextField(default="key")
    actor_label = models.TextField()
    user_id = models.BigIntegerField()
    key_id = models.BigIntegerField()
    action = models.TextField()
    entity_type = models.TextField()
    entity_id = models.BigIntegerField()
    entity_version = models.BigIntegerField()
    canonical = models.TextField()
    content_hash = models.BinaryField()

    class Meta:
        app_label = "laboratory"
        db_table = "audit_events"


class KeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[ApiKey, None]:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            return ApiKey.objects.get(digest=sha256(token.encode()).digest()), None
        except ApiKey.DoesNotExist as unknown:
            raise AuthenticationFailed from unknown


class SampleTestSerializer(serializers.ModelSerializer):
    class Meta:
        model = SampleTest
        exclude = ("organization_id", "panel", "loq", "started_at")
        read_only_fields = tuple(
            each.name
            for each in SampleTest._meta.get_fields()  # noqa: SLF001 - Django's own way
            if each.name not in {"result", "notes"}
        )


class SampleSerializer(serializers.ModelSerializer):
    class Meta:
        model = Sample
        exclude = ("organization_id",)
        read_only_fields = ("tracking_id", "status", "version", "created_by")


class SampleWithTestsSerializer(SampleSerializer):
    tests = SampleTestSerializer(many=True, read_only=True)


class NewSampleSerializer(serializers.Serializer):
    clientName = serializers.CharField(source="client_name")  # noqa: N815 - as it is sent
    materialTypeId = serializers.IntegerField(source="material_type_id")  # noqa: N815
    collectionDate = serializers.CharField(source="collection_date")  # noqa: N815
    notes = serializers.CharField()
    testDefinitionIds = serializers.ListField(child=serializers.IntegerField())  # noqa: N815


class ResultRowSerializer(serializers.Serializer):
    sampleTestId = serializers.IntegerField()  # noqa: N815 - as it is sent
    result = serializers.CharField()


class BulkSerializer(serializers.Serializer):
    updates = ResultRowSerializer(many=True)


class AfterId(BasePagination):
    def paginate_queryset(
        self, queryset: QuerySet, request: Request, view: object = None
    ) -> list[Any]:
        self.limit = int(request.query_params.get("limit", 50))
        if "cursor" in request.query_params:
            queryset = queryset.filter(id__lt=int(request.query_params["cursor"]))
        rows = list(queryset[: self.limit + 1])
        self.more = len(rows) > self.limit
        self.rows = rows[: self.limit]
        return self.rows

    def get_paginated_response(self, data: Any) -> Response:
        cursor = self.rows[-1].pk if self.more else None
        return Response({"data": data, "nextCursor": cursor, "hasMore": self.more})


def _audit(key: ApiKey, action_name: str, row: models.Model, facts: dict[str, Any]) -> None:
    text = json.dumps(facts, sort_keys=True, default=str)
    entity, _, _ = action_name.partition(".")
    AuditEvent.objects.create(
        organization_id=key.organization_id,
        actor_label=key.name,
        user_id=key.created_by,
        key_id=key.pk,
        action=action_name,
        entity_type=entity,
        entity_id=row.pk,
        entity_version=row.version,
        canonical=text,
        content_hash=sha256(text.encode()).digest(),
    )


class SampleViewSet(viewsets.GenericViewSet):
    authentication_classes = (KeyAuthentication,)
    pagination_class = AfterId

    def get_queryset(self) -> QuerySet:
        own = Sample.objects.filter(organization_id=self.request.user.organization_id)
        return own.order_by("-id")

    def list(self, request: Request) -> Response:
        rows = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(SampleSerializer(rows, many=True).data)

    def retrieve(self, request: Request, pk: str) -> Response:
        found = get_object_or_404(self.get_queryset().prefetch_related("tests"), pk=pk)
        return Response(SampleWithTestsSerializer(found).data)

    @transaction.atomic
    def create(self, request: Request) -> Response:
        serializer = NewSampleSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        told = dict(serializer.validated_data)
        wanted = told.pop("testDefinitionIds")
        key = request.user
        own = {"organization_id": key.organization_id}
        now = timezone.now()
        counter = Counter.objects.select_for_update().get(**own, prefix=f"S-{now.year}")
        counter.last += 1
        counter.save()
        sample = Sample.objects.create(
            **own,
            **told,
            tracking_id=f"{counter.prefix}-{counter.last:06}",
            created_by=key.created_by,
        )
        _audit(key, "sample.registered", sample, SampleSerializer(sample).data)
        for definition in TestDefinition.objects.filter(**own, id__in=wanted, active=True):
            test = SampleTest.objects.create(
                **own,
                sample=sample,
                tracking_id=sample.tracking_id,
                test_definition=definition,
                test_code=definition.code,
                test_name=definition.name,
                unit=definition.unit,
            )
            _audit(key, "sample_test.scheduled", test, SampleTestSerializer(test).data)
        month = {**own, "month": f"{now:%Y-%m}"}
        QuotaUse.objects.get_or_create(**month, defaults={"used": 0})
        QuotaUse.objects.filter(**month).update(used=F("used") + 1)
        return Response(SampleWithTestsSerializer(sample).data, status=201)


class SampleTestViewSet(viewsets.GenericViewSet):
    authentication_classes = (KeyAuthentication,)

    def get_queryset(self) -> QuerySet:
        own = SampleTest.objects.filter(organization_id=self.request.user.organization_id)
        return own.select_related("sample", "test_definition").select_for_update(of=("self",))

    @transaction.atomic
    def partial_update(self, request: Request, pk: str) -> Response:
        test = get_object_or_404(self.get_queryset(), pk=pk)
        serializer = SampleTestSerializer(test, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        return Response(self._enter(test, serializer.validated_data["result"], "manual"))

    @action(detail=False, methods=["post"], url_path="bulk-results")
    @transaction.atomic
    def bulk_results(self, request: Request) -> Response:
        serializer = BulkSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        results = []
        for index, row in enumerate(serializer.validated_data["updates"]):
            test = get_object_or_404(self.get_queryset(), pk=row["sampleTestId"])
            written = self._enter(test, row["result"], "bulk")
            results.append({"index": index, "ok": True, "sampleTest": written})
        return Response({"updated": len(results), "failed": 0, "results": results})

    def _enter(self, test: SampleTest, result: str, source: str) -> dict[str, Any]:
        before = SampleTestSerializer(test).data
        definition, value = test.test_definition, Decimal(result)
        low, high = definition.spec_min, definition.spec_max
        outside = (low is not None and value < low) or (high is not None and value > high)
        test.result, test.result_value = result, value
        test.spec_min, test.spec_max, test.unit = low, high, definition.unit
        test.specification = "fail" if outside else "pass"
        test.status, test.source = "completed", source
        test.entered_by, test.entered_at = self.request.user.created_by, timezone.now()
        test.version += 1
        test.save()
        after: dict[str, Any] = SampleTestSerializer(test).data
        facts = {"before": before, "after": after}
        _audit(self.request.user, "sample_test.result_entered", test, facts)
        return after


def ready(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("{}", content_type="application/json")


router = SimpleRouter(trailing_slash=False)
router.register("samples", SampleViewSet, basename="sample")
router.register("sample-tests", SampleTestViewSet, basename="sample-test")
urlpatterns = [path("api/v1/", include(router.urls)), path("readyz", ready)]
application = get_wsgi_application()
